//! The table of problem codes: status and texts in both languages.

/// One kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Its name: the `code` of the problem and the last part of its `type`.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Title in English.
    pub title_en: &'static str,
    /// Title in Simplified Chinese.
    pub title_zh: &'static str,
    /// What it means and what to do, in English.
    pub help_en: &'static str,
    /// What it means and what to do, in Simplified Chinese.
    pub help_zh: &'static str,
}

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal, $title_en:literal / $title_zh:literal,
       $help_en:literal / $help_zh:literal;)+) => {
        $(
            #[doc = concat!("Status ", $status, ": ", $title_en, ".")]
            pub const $name: &Code = &Code {
                name: $text,
                status: $status,
                title_en: $title_en,
                title_zh: $title_zh,
                help_en: $help_en,
                help_zh: $help_zh,
            };
        )+

        /// Every code.
        pub const ALL: &[&Code] = &[$($name),+];
    };
}

codes! {
    MALFORMED = "malformed", 400, "The request cannot be read" / "请求无法解析",
        "The body, a parameter or a header is not in the form it must have. The detail says where."
        / "请求体、参数或请求头的格式不正确，详情中指出了位置。";
    INVALID_PAGE_TOKEN = "invalid_page_token", 400, "The page token does not fit" / "分页标记不匹配",
        "A page token works only with the filter, order and person it was made for. Start again without it."
        / "分页标记只能用于生成它时的筛选、排序和用户。请去掉它重新查询。";
    UNAUTHENTICATED = "unauthenticated", 401, "Sign-in needed" / "需要登录",
        "There is no identity, or it has expired or was revoked. Sign in, or send a valid token."
        / "没有身份信息，或身份已过期、已被撤销。请登录，或提供有效的令牌。";
    INVALID_CREDENTIALS = "invalid_credentials", 401, "Login or password is wrong" / "用户名或密码错误",
        "Check both and try again. After several failures each further try has to wait."
        / "请检查后重试。多次失败后，再次尝试需要等待。";
    INVALID_LINK = "invalid_link", 401, "The login link does not work" / "登录链接无效",
        "A login link works once and for a limited time. Ask an administrator for a new one."
        / "登录链接只能使用一次且有时限。请向管理员索取新的链接。";
    FORBIDDEN = "forbidden", 403, "Not permitted" / "没有权限",
        "You are signed in, but none of your roles gives this permission. The detail names it."
        / "您已登录，但您的角色没有此权限，详情中列出了所需权限。";
    CSRF = "csrf", 403, "The request was not sent by our own page" / "请求不是由本系统页面发出",
        "A change made with a session cookie needs its X-CSRF-Token header. Reload the page."
        / "使用会话 Cookie 的修改请求必须带 X-CSRF-Token 请求头。请刷新页面。";
    FOREIGN_ORIGIN = "foreign_origin", 403, "The request came from another site" / "请求来自其他站点",
        "Changes are taken only from pages of this server. If it has another public address, set server.public_url."
        / "只接受来自本服务器页面的修改请求。若对外地址不同，请设置 server.public_url。";
    NOT_FOUND = "not_found", 404, "Not found" / "未找到",
        "It does not exist, or it is outside of what you may see."
        / "对象不存在，或不在您可见的范围内。";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "Method not allowed" / "不支持的请求方法",
        "This address exists, but not for this method. The Allow header lists those it has."
        / "该地址存在，但不支持此请求方法，Allow 响应头列出了可用方法。";
    CONFLICT = "conflict", 409, "The present state forbids it" / "当前状态不允许此操作",
        "What you asked for does not fit the present state. Look at it again and decide anew."
        / "请求与对象的当前状态冲突，请重新查看后再决定。";
    IN_FLIGHT = "request_in_flight", 409, "The first request is still running" / "首个请求仍在执行",
        "A request with the same Idempotency-Key is still running. Try again a little later."
        / "相同 Idempotency-Key 的请求仍在执行，请稍后重试。";
    STALE_VERSION = "stale_version", 412, "Somebody changed it meanwhile" / "内容已被他人修改",
        "Your change was made to an older version. Read it again, and decide anew."
        / "您的修改基于较旧的版本。请重新读取后再决定。";
    PRECONDITION_REQUIRED = "precondition_required", 428, "Say which version you change" / "请注明所修改的版本",
        "Send the ETag of what you read as If-Match, so that nobody's change is overwritten unseen."
        / "请将读取时得到的 ETag 作为 If-Match 发送，以免覆盖他人的修改。";
    TOO_LARGE = "too_large", 413, "The request is too large" / "请求过大",
        "The detail names the limit. Send less, or have the limit raised in the configuration."
        / "详情中列出了上限。请减小请求，或在配置中调高上限。";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "Wrong media type" / "媒体类型不正确",
        "Send the body with the content type that the detail names."
        / "请使用详情中指出的内容类型发送请求体。";
    RANGE = "range_not_satisfiable", 416, "The range does not fit" / "范围无效",
        "The range asked for or sent lies outside of what there is."
        / "请求或提交的范围超出了现有内容。";
    INVALID = "invalid", 422, "Some values are not acceptable" / "部分内容不符合要求",
        "The request can be read, but some of its values are refused. Each is listed with its reason."
        / "请求可以解析，但部分取值被拒绝，已逐项列出原因。";
    KEY_REUSED = "idempotency_key_reused", 422, "The Idempotency-Key was used for another request" / "Idempotency-Key 已用于其他请求",
        "Make a fresh key for each new request; repeat a key only with exactly the same request."
        / "每个新请求请使用新的键；只有完全相同的请求才能重复使用同一个键。";
    TOO_MANY_REQUESTS = "too_many_requests", 429, "Too many attempts" / "尝试次数过多",
        "Wait as long as the Retry-After header says."
        / "请按 Retry-After 响应头给出的时间等待。";
    INTERNAL = "internal", 500, "Something failed on our side" / "服务器内部错误",
        "Nothing was changed unless the detail says so. Give the trace id to those who run this server."
        / "除非详情另有说明，未做任何更改。请将跟踪号提供给系统管理员。";
    UNAVAILABLE = "unavailable", 503, "Not available just now" / "暂时不可用",
        "The database or another part cannot answer at the moment. Try again shortly."
        / "数据库或其他部件暂时无法响应，请稍后重试。";
}

/// The code with a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_text_is_there_in_both_languages() {
        let mut names: Vec<&str> = ALL.iter().map(|code| code.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        for code in ALL {
            assert!((400..=599).contains(&code.status), "{}", code.name);
            assert!(
                code.title_zh.chars().any(|c| c > '\u{3000}'),
                "{}",
                code.name
            );
            assert!(
                code.help_zh.chars().any(|c| c > '\u{3000}'),
                "{}",
                code.name
            );
            assert!(
                code.title_en.is_ascii() && code.help_en.is_ascii(),
                "{}",
                code.name
            );
        }
    }
}
