//! Named statements, listed so that a test can prepare every one of them on both engines.

/// Defines constants of SQL text and `STATEMENTS`, the list of all of them.
///
/// ```
/// rialto_platform_store::statements! {
///     /// One job by id.
///     pub FIND_JOB = "SELECT id, status FROM job WHERE id = $1";
///     pub COUNT_JOBS = "SELECT count(*) FROM job";
/// }
/// assert_eq!(STATEMENTS.len(), 2);
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$meta:meta])* $visibility:vis $name:ident = $sql:expr;)+) => {
        $(
            $(#[$meta])*
            #[doc = concat!("\n\nStatement `", stringify!($name), "`.")]
            $visibility const $name: &str = $sql;
        )+

        /// Name and text of every statement above.
        pub const STATEMENTS: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}
