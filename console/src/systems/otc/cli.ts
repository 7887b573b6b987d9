import type { Json, Terms } from "@/api/contract.otc";

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * The same thing on the command line. The commands of the desk work without a server: each carries
 * the documents it is about, so it runs as it is pasted (bash, zsh).
 */
const document = (name: string, content: Json): string =>
  // On one line no line of it can be the word that ends it.
  `<<'${name}'\n${JSON.stringify(content)}\n${name}`;

export const cli = {
  /**
   * What a list asks the server for. The commands of the desk know no server, so this is the request
   * itself; the token is the reader's own and stands in their environment, never in a clipboard.
   */
  fetch: (address: string) =>
    `curl --fail-with-body --silent --show-error --header "Authorization: Bearer \${RIALTO_TOKEN:?holds no access token}" ${quote(address)}`,
  validate: (terms: Terms) => `rialto otc validate --terms - ${document("SHEET", terms)}`,
  explain: (terms: Terms) => `rialto otc explain --terms - ${document("SHEET", terms)}`,
  /** The value of a sheet by the market it was quoted with. */
  price: (terms: Terms, market: Json) =>
    `rialto otc price --market <(cat ${document("MARKET", market)}\n) --terms - ${document("SHEET", terms)}`,
};
