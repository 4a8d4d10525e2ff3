/** Where a driver keeps the data of its volumes. The engine never runs two operations on one volume at a time. */
export interface VolumeStore {
  /** Where a mounted volume is; absolute. */
  mountpointOf(name: string): string;
  /** Makes the data ready; what an earlier volume of the name left behind is taken over. */
  create(name: string, options: { readonly sizeBytes: number }): Promise<void>;
  /** Deletes the data of a volume that is not mounted; none is fine. */
  destroy(name: string): Promise<void>;
  mount(name: string): Promise<void>;
  unmount(name: string): Promise<void>;
  /** Whether the volume is mounted now. A store without mounts of its own gives `recorded` back. */
  isMounted(name: string, options: { readonly recorded: boolean }): Promise<boolean>;
}
