import { useTranslation } from "react-i18next";
import { PageHeader } from "@/shared/record";
import { Card } from "@/shared/ui";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { PipelineList } from "../../components/PipelineList";

/** Pipelines of all projects. */
export default function PipelinesPage() {
  const { t } = useTranslation("delivery");
  return (
    <>
      <PageHeader
        title={t("menu.pipelines")}
        name={t("menu.pipelines")}
        actions={
          <>
            <CliButton command={cli.pipelines()} />
            <LinkButton />
          </>
        }
      />
      <Card flush>
        <PipelineList />
      </Card>
    </>
  );
}
