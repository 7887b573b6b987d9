/** What a content can be; each is checked by the server. */
export const CONTENT_TYPES = ["yaml", "json", "properties", "text"].map((one) => ({
  value: one,
  label: one,
}));
