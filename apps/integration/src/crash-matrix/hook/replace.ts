/** A function of any module; who watches one knows what it takes and gives. */
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Puts another function in the place of a method; `make` gets the one that was there. */
export function replace(target: object, name: string, make: (original: AnyFunction) => AnyFunction): void {
  const original: unknown = Reflect.get(target, name);
  if (typeof original !== 'function') throw new Error(`Expected a function '${name}' to watch`);
  Reflect.set(target, name, make(original as AnyFunction));
}
