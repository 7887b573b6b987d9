import type { Json, Terms } from "@/api/contract.otc";

/**
 * The same thing on the command line. The commands of the desk work without a server: each carries
 * the documents it is about, so it runs as it is pasted (bash, zsh).
 */
const document = (name: string, content: Json): string =>
  // On one line no line of it can be the word that ends it.
  `<<'${name}'\n${JSON.stringify(content)}\n${name}`;

export const cli = {
  validate: (terms: Terms) => `rialto otc validate --terms - ${document("SHEET", terms)}`,
  explain: (terms: Terms) => `rialto otc explain --terms - ${document("SHEET", terms)}`,
  /** The value of a sheet by the market it was quoted with. */
  price: (terms: Terms, market: Json) =>
    `rialto otc price --market <(cat ${document("MARKET", market)}\n) --terms - ${document("SHEET", terms)}`,
};
