import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import type { Release } from "@/api/contract";
import { DateTime, useFormat } from "@/shared/format";
import { PageHeader } from "@/shared/record";
import { QueryView } from "@/shared/states";
import { Card, CopyLine, Facts, Hash, Icon } from "@/shared/ui";
import { bundleUrl, reads, useTopics } from "../../api";
import { cli } from "../../cli";
import { CliButton, LinkButton } from "../../components/CliButton";
import { VerdictLink } from "../../components/words";
import { paths } from "../../paths";
import { Deployed } from "./ReleasesPage";

export default function ReleasePage() {
  const { id = "" } = useParams();
  const query = useQuery(reads.release(id));
  useTopics(["list:pipelines"], [["release", id]]);
  return <QueryView query={query}>{(data) => <ReleaseView release={data} />}</QueryView>;
}

function ReleaseView({ release }: { release: Release }) {
  const { t } = useTranslation("delivery");
  const format = useFormat();
  const bundle = `${release.version}-evidence.tar.zst`;
  return (
    <>
      <PageHeader
        title={`${release.project_path} ${release.version}`}
        name={`${release.project_path} ${release.version}`}
        crumbs={[
          { label: t("menu.releases"), to: paths.releases },
          { label: release.project_path, to: paths.project(release.project_id) },
        ]}
        badges={<VerdictLink verdict={release.verdict} pipelineId={release.pipeline_id} />}
        actions={
          <>
            <CliButton command={cli.release(release.id)} />
            <LinkButton />
            <a className="button-link" href={bundleUrl(release.id)} download={bundle}>
              <Icon name="download" />
              {t("release.download")}
            </a>
          </>
        }
      />
      <div className="two-columns">
        <div className="stack">
          <Card title={t("release.proof")}>
            <div className="stack tight">
              <p className="soft">{t("release.proofText")}</p>
              <CopyLine
                value={`${cli.exportBundle(release.id)} --file ${bundle}`}
                label={t("cli.same")}
              />
              <CopyLine value={`rialto evidence verify ${bundle}`} label={t("cli.same")} />
            </div>
          </Card>
          <Card title={t("menu.deployments")}>
            <Deployed release={release} />
          </Card>
        </div>
        <Card title={t("release.one")}>
          <Facts
            items={[
              [t("release.no"), `#${release.no}`],
              [
                t("release.digest"),
                <Hash key="d" value={release.digest} label={t("copy.digest")} length={16} />,
              ],
              [t("release.sha"), <Hash key="s" value={release.sha} label={t("copy.sha")} />],
              [
                t("release.artifact"),
                `${release.artifact.name} · ${format.bytes(release.artifact.size)}`,
              ],
              [
                t("pipeline.one"),
                <Link key="p" to={paths.pipeline(release.pipeline_id)}>
                  {t("deployment.openPipeline")}
                </Link>,
              ],
              [t("release.createdAt"), <DateTime key="c" at={release.created_at} />],
            ]}
          />
        </Card>
      </div>
    </>
  );
}
