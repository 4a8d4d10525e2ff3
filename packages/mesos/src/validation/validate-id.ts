/** NAME_MAX: ids become names of directories. */
const ID_LENGTH_MAX = 255;

/**
 * Why a framework's, task's or executor's own id cannot be used, or undefined.
 * @see src/common/validation.cpp validateID
 */
export function validateId(id: string): string | undefined {
  if (id === '') return 'ID must not be empty';
  if (Buffer.byteLength(id) > ID_LENGTH_MAX) return `ID must not be greater than ${ID_LENGTH_MAX} characters`;
  if (id === '.' || id === '..') return `'${id}' is disallowed`;
  if (/[\p{Cc}/\\]/u.test(id)) return `'${id}' contains invalid characters`;
  return undefined;
}
