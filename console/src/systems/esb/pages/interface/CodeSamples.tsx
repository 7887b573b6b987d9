import { useQuery } from "@tanstack/react-query";
import { Segmented, Select } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { QueryView } from "@/shared/states";
import { ActionButton, Card, CopyButton, useWord } from "@/shared/ui";
import { reads } from "../../api";

const ENVIRONMENTS = ["sandbox", "production"] as const;

/** A request that fits the definition, as code to start from; other values at a click. */
export function CodeSamples({ version, no }: { version: string; no: number }) {
  const { t } = useTranslation("esb");
  const word = useWord("esb");
  const [language, setLanguage] = useState("curl");
  const [environment, setEnvironment] = useState<string>("sandbox");
  const [seed, setSeed] = useState(1);
  const query = useQuery(reads.samples(version, no, environment, seed));
  return (
    <QueryView query={query}>
      {({ samples, open }) => {
        const shown = samples.find((one) => one.language === language) ?? samples[0];
        return (
          <Card
            title={t("sample.title")}
            extra={
              <span className="row wrap">
                <Select
                  aria-label={t("subscription.environment")}
                  size="small"
                  style={{ width: 120 }}
                  value={environment}
                  onChange={setEnvironment}
                  options={ENVIRONMENTS.map((name) => ({
                    value: name,
                    label: word("environment", name),
                  }))}
                />
                <Segmented
                  aria-label={t("sample.language")}
                  size="small"
                  value={shown?.language ?? ""}
                  onChange={(next) => setLanguage(String(next))}
                  options={samples.map((one) => ({
                    value: one.language,
                    label: word("language", one.language),
                  }))}
                />
                <ActionButton small icon="retry" onClick={() => setSeed(seed + 1)}>
                  {t("sample.others")}
                </ActionButton>
                {shown && <CopyButton value={shown.text} label={t("sample.copy")} />}
              </span>
            }
          >
            <div className="stack tight">
              <div className="json-block">
                <pre tabIndex={0} role="region" aria-label={t("sample.title")}>
                  {shown?.text}
                </pre>
              </div>
              <p className="faint">{t("sample.key")}</p>
              {open.map((why) => (
                <p key={why} className="soft">
                  {t("sample.open", { why })}
                </p>
              ))}
            </div>
          </Card>
        );
      }}
    </QueryView>
  );
}
