/** What a ticket holds before it is sent; kept for the session, gone with signing out. */
import type { Template, Terms } from "@/api/contract.otc";

export interface Draft {
  terms: Terms;
  unknown: string;
  side: string;
  counterparty: string;
  snapshot_id: string | null;
  spreads: { vol: number; q: number; r: number };
  charges: { hedge_bp: number; margin_bp: number; reserve_bp: number; funding_bp: number };
  valid_minutes: number;
  /** Engine and model by name; null lets the desk choose. */
  engine: string | null;
  model: string | null;
}

/** A template is known by its name and, where it has one, its preset. */
export const templateKey = ({ name, preset }: Pick<Template, "name" | "preset">): string =>
  preset ? `${name}.${preset}` : name;

const place = (template: string): string => `otc.ticket.${template}`;

/** A fresh ticket of the product: its example, with usual spreads and charges. */
export function freshDraft(template: Template): Draft {
  return {
    terms: template.example,
    unknown: template.unknowns[0] ?? "premium",
    side: "house_sells",
    counterparty: "",
    snapshot_id: null,
    spreads: { vol: 0.01, q: 0.005, r: 0.001 },
    charges: { hedge_bp: 10, margin_bp: 20, reserve_bp: 5, funding_bp: 0 },
    valid_minutes: 15,
    engine: null,
    model: null,
  };
}

/** The ticket as it was left, as far as it still fits the product. */
export function recallDraft(template: Template): Draft {
  const fresh = freshDraft(template);
  try {
    const kept = JSON.parse(
      sessionStorage.getItem(place(templateKey(template))) ?? "null",
    ) as Draft | null;
    if (!kept || kept.terms.template !== fresh.terms.template) return fresh;
    return { ...fresh, ...kept };
  } catch {
    // Storage switched off or another version's draft: the ticket starts fresh.
    return fresh;
  }
}

export function keepDraft(template: string, draft: Draft): void {
  try {
    sessionStorage.setItem(place(template), JSON.stringify(draft));
  } catch {
    // Not kept over a reload, but in force on this page.
  }
}

export function forgetDraft(template: string): void {
  try {
    sessionStorage.removeItem(place(template));
  } catch {
    // Nothing was kept either.
  }
}
