/**
 * The server always sends a nullable field (as null), while the document calls it optional: here
 * every field is there.
 */
export type Sent<T> = T extends readonly (infer Item)[]
  ? Sent<Item>[]
  : T extends object
    ? { [K in keyof T]-?: undefined extends T[K] ? Sent<Exclude<T[K], undefined>> : Sent<T[K]> }
    : T;
