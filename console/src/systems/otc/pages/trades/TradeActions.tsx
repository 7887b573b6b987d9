import { Dropdown } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Tagged } from "@/api/client";
import type { Trade } from "@/api/contract.otc";
import { usePageCommands } from "@/shared/keys";
import { ActionButton, Icon, useDenied, useWord } from "@/shared/ui";
import { EVENT_FIELDS, FIRST_STEPS, permissionOf } from "../../model/events";
import { EventForm } from "./EventForm";

/**
 * What may be done about the contract now: the server names the events its state allows, the
 * person's roles those they may send.
 */
export function TradeActions({ trade }: { trade: Tagged<Trade> }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const [asked, setAsked] = useState<string | null>(null);
  const offered = trade.allowed.filter((kind) => kind in EVENT_FIELDS);
  const first = FIRST_STEPS.filter((kind) => offered.includes(kind));
  const denied = useDenied();
  const mine = offered.filter((kind) => denied(permissionOf(kind)) === null);
  const others = offered.filter((kind) => !(first as string[]).includes(kind));
  const rest = others.filter((kind) => mine.includes(kind));
  usePageCommands(
    mine.map((kind) => ({
      id: `trade:${kind}`,
      label: word("eventKind", kind),
      group: trade.id,
      keywords: kind,
      run: () => setAsked(kind),
    })),
  );
  return (
    <>
      {first.map((kind) => (
        <ActionButton
          key={kind}
          primary
          icon="check"
          whyNot={denied(permissionOf(kind))}
          onClick={() => setAsked(kind)}
        >
          {word("eventKind", kind)}
        </ActionButton>
      ))}
      {rest.length === 0 && others.length > 0 && (
        <ActionButton whyNot={denied(permissionOf(others[0] ?? ""))}>
          {t("trade.actions")}
        </ActionButton>
      )}
      {rest.length > 0 && (
        <Dropdown
          trigger={["click"]}
          menu={{
            items: rest.map((kind) => ({
              key: kind,
              label: word("eventKind", kind),
              danger: kind === "cancel",
            })),
            onClick: ({ key }) => setAsked(key),
          }}
        >
          <button type="button" className="icon-button framed">
            {t("trade.actions")}
            <Icon name="down" size={12} />
          </button>
        </Dropdown>
      )}
      {asked && <EventForm trade={trade} kind={asked} close={() => setAsked(null)} />}
    </>
  );
}
