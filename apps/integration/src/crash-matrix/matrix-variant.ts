/** What the matrix is run over: both driver clients, both ways to count. */
export interface MatrixVariant {
  readonly client: 'dvdcli' | 'plugin';
  readonly counting: 'per_container' | 'first_container';
}

export const matrixVariants: readonly MatrixVariant[] = (['dvdcli', 'plugin'] as const).flatMap((client) =>
  (['per_container', 'first_container'] as const).map((counting) => ({ client, counting })),
);

export function nameOf({ client, counting }: MatrixVariant): string {
  return `${client}/${counting}`;
}
