/** The nonce the server put into this page; undefined when it serves without one. */
export const nonce =
  document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content || undefined;

/**
 * Gives every style element made by script the page's nonce. Most of antd takes the nonce from its
 * configuration; its scroll lock (@rc-component/portal) and scroll-bar measure do not, and a strict
 * policy would refuse their styles each time a dialog opens.
 */
export function installStyleNonce(doc: Document): void {
  if (!nonce) return;
  const create = doc.createElement.bind(doc);
  const withNonce = (name: string, options?: ElementCreationOptions): HTMLElement => {
    const element = create(name, options);
    if (element instanceof HTMLStyleElement) element.nonce = nonce;
    return element;
  };
  doc.createElement = withNonce as typeof doc.createElement;
}
