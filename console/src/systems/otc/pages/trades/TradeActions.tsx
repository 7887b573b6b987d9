import { Dropdown } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Tagged } from "@/api/client";
import type { Trade } from "@/api/contract.otc";
import { usePageCommands } from "@/shared/keys";
import { ActionButton, Icon, useWord } from "@/shared/ui";
import { EVENT_FIELDS, FIRST_STEPS } from "../../model/events";
import { EventForm } from "./EventForm";

/** What may be done about the contract now; the server names the events it allows. */
export function TradeActions({ trade }: { trade: Tagged<Trade> }) {
  const { t } = useTranslation("otc");
  const word = useWord("otc");
  const [asked, setAsked] = useState<string | null>(null);
  const offered = trade.allowed.filter((kind) => kind in EVENT_FIELDS);
  const first = FIRST_STEPS.filter((kind) => offered.includes(kind));
  const rest = offered.filter((kind) => !(first as string[]).includes(kind));
  usePageCommands(
    offered.map((kind) => ({
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
        <ActionButton key={kind} primary icon="check" onClick={() => setAsked(kind)}>
          {word("eventKind", kind)}
        </ActionButton>
      ))}
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
