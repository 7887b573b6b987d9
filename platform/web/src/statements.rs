//! Every statement of this crate.

rialto_platform_store::statements! {
    pub(crate) PRUNE_KEYS = "DELETE FROM web_idempotency WHERE created_at < $1";
    pub(crate) TAKE_KEY =
        "INSERT INTO web_idempotency (key_hash, body_hash, state, status, content_type, body, created_at)
         VALUES ($1, $2, 'running', 0, '', '', $3)
         ON CONFLICT (key_hash) DO NOTHING";
    pub(crate) FIND_KEY =
        "SELECT body_hash, state, status, content_type, body, created_at
         FROM web_idempotency WHERE key_hash = $1";
    pub(crate) ANSWER_KEY =
        "UPDATE web_idempotency SET state = $2, status = $3, content_type = $4, body = $5
         WHERE key_hash = $1";
    pub(crate) FREE_KEY = "DELETE FROM web_idempotency WHERE key_hash = $1";
}
