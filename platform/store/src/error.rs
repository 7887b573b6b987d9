//! What can go wrong in the store, told apart by what the caller can do about it.

use sqlx::error::{DatabaseError, ErrorKind};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be used.
    #[error("database URL: {message}")]
    Url {
        /// What is wrong with it and which forms exist.
        message: String,
    },
    /// The row exists already.
    #[error("a row with the same {constraint} exists already")]
    Unique {
        /// `table.column` on SQLite, the constraint's name on PostgreSQL.
        constraint: String,
    },
    /// A row that is referred to does not exist, or is still referred to.
    #[error("a row this one refers to is absent, or others still refer to it ({constraint})")]
    ForeignKey {
        /// The constraint's name on PostgreSQL; SQLite does not tell.
        constraint: String,
    },
    /// A NOT NULL or CHECK constraint was violated.
    #[error("the row breaks a rule of its table: {message}")]
    Constraint {
        /// The engine's message.
        message: String,
    },
    /// Another transaction held a lock too long, or the transactions collided. Nothing was
    /// written; running the whole transaction again is right.
    #[error("the database is busy: {message}; run the transaction again")]
    Busy {
        /// The engine's message.
        message: String,
    },
    /// Another server leads; this one may read, not write. Nothing was written.
    #[error(
        "this server stands by and takes no changes; another one leads. Try again: requests reach \
         the leader, or this server once it has taken over"
    )]
    Standby,
    /// The database cannot be reached or the connection broke.
    #[error("no connection to the database: {message}")]
    Connection {
        /// The engine's message.
        message: String,
    },
    /// The statement returned no row where one was expected.
    #[error("no row: {statement}")]
    NotFound {
        /// Text of the statement.
        statement: &'static str,
    },
    /// A value cannot be bound.
    #[error("cannot bind a value: the text of ${place} contains a NUL character")]
    Nul {
        /// Number of the parameter, from 1.
        place: usize,
    },
    /// A value cannot be sent to the database.
    #[error("cannot bind a value: {message}")]
    Bind {
        /// Which value and why.
        message: String,
    },
    /// A stored value is not of the expected form.
    #[error("cannot read a stored value: {message}")]
    Decode {
        /// What was found.
        message: String,
    },
    /// Migrations cannot be applied, or the schema belongs to a newer binary.
    #[error("{message}")]
    Migration {
        /// Which migration, why, and what to do.
        message: String,
    },
    /// Any other refusal of the engine.
    #[error("{message} (statement: {statement})")]
    Statement {
        /// The engine's message.
        message: String,
        /// Text of the statement; bound values are not shown.
        statement: String,
    },
}

impl StoreError {
    /// Whether a unique constraint was violated.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        matches!(self, Self::Unique { .. })
    }

    /// Whether no row was found where one was expected.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether running the whole transaction again may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Connection { .. })
    }

    pub(crate) fn of(error: sqlx::Error, statement: &'static str) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound { statement },
            other => Self::of_text(other, statement),
        }
    }

    pub(crate) fn of_text(error: sqlx::Error, statement: &str) -> Self {
        use sqlx::Error as E;
        let message = error.to_string();
        match error {
            E::Database(database) => Self::of_database(&*database, statement),
            E::PoolTimedOut => Self::Busy {
                message: "no connection became free in time (another transaction is open)".into(),
            },
            E::Io(_) | E::Tls(_) | E::PoolClosed | E::WorkerCrashed => Self::Connection { message },
            E::Configuration(_) => Self::Url { message },
            E::ColumnDecode { .. }
            | E::ColumnNotFound(_)
            | E::ColumnIndexOutOfBounds { .. }
            | E::Decode(_)
            | E::TypeNotFound { .. } => Self::Decode {
                message: format!("{message} (statement: {statement})"),
            },
            _ => Self::Statement {
                message,
                statement: statement.to_owned(),
            },
        }
    }

    fn of_database(error: &dyn DatabaseError, statement: &str) -> Self {
        let message = error.message().to_owned();
        let constraint = error.constraint().map_or_else(
            || message.rsplit(": ").next().unwrap_or(&message).to_owned(),
            str::to_owned,
        );
        match error.kind() {
            ErrorKind::UniqueViolation => return Self::Unique { constraint },
            ErrorKind::ForeignKeyViolation => return Self::ForeignKey { constraint },
            ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation
            | ErrorKind::ExclusionViolation => return Self::Constraint { message },
            _ => {}
        }
        let code = error.code().unwrap_or_default();
        if is_busy(&code) {
            Self::Busy { message }
        } else if is_lost_connection(&code) {
            Self::Connection { message }
        } else {
            Self::Statement {
                message,
                statement: statement.to_owned(),
            }
        }
    }
}

/// SQLSTATE of PostgreSQL (serialisation failure, deadlock, lock not available, query cancelled)
/// or the primary result code of SQLite (5 busy, 6 locked) inside its extended code.
fn is_busy(code: &str) -> bool {
    match code {
        "40001" | "40P01" | "55P03" | "57014" => true,
        _ if code.len() < 5 => code
            .parse::<u32>()
            .is_ok_and(|code| matches!(code & 0xff, 5 | 6)),
        _ => false,
    }
}

/// SQLSTATE classes 08 (connection), 57P (shutdown), 53300 (too many connections) and 25P03 (the
/// server ended an idle transaction); SQLite 14 (cannot open) and 10 (input/output).
fn is_lost_connection(code: &str) -> bool {
    if code.len() == 5 {
        return code.starts_with("08")
            || code.starts_with("57P")
            || matches!(code, "53300" | "25P03");
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 10 | 14))
}
