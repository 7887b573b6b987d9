//! Tables as files.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use rialto_otc_desk::{ExportQuery, Form, Table, TradeQuery};
use rialto_platform_web::{Path, Problem, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::Api;
use crate::answer::Answer;
use crate::charts::day;

/// Filters; each table takes those of its list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Of trades, flows and quotes.
    status: Option<String>,
    /// Of trades and fixings.
    underlying: Option<String>,
    /// Of trades.
    product: Option<String>,
    /// Of trades and quotes.
    counterparty: Option<String>,
    /// Text in a trade's id, title or counterparty.
    q: Option<String>,
    /// Order of trades.
    sort: Option<String>,
    /// Kind of events.
    kind: Option<String>,
    /// From this date on: effective date of events and postings, pay date of flows, date of fixings.
    from: Option<String>,
    /// Up to this date.
    to: Option<String>,
}

/// Which filters a table takes.
fn taken(table: Table) -> &'static [&'static str] {
    match table {
        Table::Trades => &[
            "status",
            "underlying",
            "product",
            "counterparty",
            "q",
            "sort",
        ],
        Table::Events => &["kind", "from", "to"],
        Table::Flows => &["status", "from", "to"],
        Table::Postings => &["from", "to"],
        Table::Fixings => &["underlying", "from", "to"],
        Table::Quotes => &["status", "counterparty"],
    }
}

impl Filter {
    /// A filter that the table does not take is refused, not passed over.
    fn check(&self, table: Table) -> Answer<()> {
        let given = [
            ("status", &self.status),
            ("underlying", &self.underlying),
            ("product", &self.product),
            ("counterparty", &self.counterparty),
            ("q", &self.q),
            ("sort", &self.sort),
            ("kind", &self.kind),
            ("from", &self.from),
            ("to", &self.to),
        ];
        for (name, value) in given {
            if value.as_ref().is_some_and(|value| !value.is_empty())
                && !taken(table).contains(&name)
            {
                let known = taken(table);
                let text = format!("{} cannot be filtered by {name}", table.name());
                let problem = Problem::unprocessable().invalid(name, "unknown", text);
                return Err(problem.allowed(known.iter().copied()).into());
            }
        }
        Ok(())
    }
}

/// A table as a file: `trades`, `events`, `flows`, `postings`, `fixings` or `quotes`, as `.csv` or
/// `.xlsx`
#[utoipa::path(get, path = "/api/otc/v1/exports/{file}", tag = "exports",
    params(("file" = String, Path, description = "trades.csv, flows.xlsx, …"), Filter),
    responses((status = 200, description = "The file", content(
        (String = "text/csv"),
        (String = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
pub async fn export(
    State(api): State<Api>,
    Path(file): Path<String>,
    Query(filter): Query<Filter>,
) -> Answer<Response> {
    let (name, end) = file.rsplit_once('.').unwrap_or((&file, ""));
    let table = Table::ALL.into_iter().find(|table| table.name() == name);
    let (form, kind) = match end {
        "csv" => (Form::Csv, "text/csv; charset=utf-8"),
        "xlsx" => (
            Form::Xlsx,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        _ => return Err(Problem::not_found("export", &file).into()),
    };
    let Some(table) = table else {
        return Err(Problem::not_found("export", &file).into());
    };
    filter.check(table)?;
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let query = ExportQuery {
        from: day("from", &filter.from)?.map(str::to_owned),
        to: day("to", &filter.to)?.map(str::to_owned),
        status: filled(&filter.status),
        underlying: filled(&filter.underlying),
        counterparty: filled(&filter.counterparty),
        kind: filled(&filter.kind),
        trades: TradeQuery {
            status: filter.status.clone(),
            underlying: filter.underlying.clone(),
            product: filter.product.clone(),
            counterparty: filter.counterparty.clone(),
            text: filter.q.clone(),
            sort: filled(&filter.sort),
        },
    };
    let bytes = api.desk.export(table, form, &query).await?;
    let name = format!("attachment; filename=\"otc-{}.{end}\"", table.name());
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}
