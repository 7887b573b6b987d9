/** Addresses of the pages: `/otc/<plural>/<id>/<tab>`. */
const tail = (part?: string): string => (part ? `/${part}` : "");

export const paths = {
  trades: "/otc/trades",
  trade: (id: string, tab?: string) => `/otc/trades/${encodeURIComponent(id)}${tail(tab)}`,
  quotes: "/otc/quotes",
  ticket: "/otc/quotes/new",
  quote: (id: string) => `/otc/quotes/${encodeURIComponent(id)}`,
  approvals: "/otc/approvals",
  fixings: "/otc/fixings",
  calendar: "/otc/calendar",
  flows: "/otc/flows",
};
