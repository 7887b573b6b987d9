//! API keys in `X-API-Key`.

use rialto_esb_snapshot::ApiKey;

use super::{Asked, Authenticator, Caller, Proof, invalid, same, single};
use crate::interfaces::refusal::Refusal;

impl Authenticator {
    pub(super) fn by_api_key(&self, asked: &Asked<'_>) -> Option<Result<Caller, Refusal>> {
        let given = single(asked.headers, "x-api-key")?;
        Some(given.and_then(|text| self.api_key(text, asked)))
    }

    fn api_key(&self, text: &str, asked: &Asked<'_>) -> Result<Caller, Refusal> {
        let key = ApiKey::parse(text)
            .map_err(|error| invalid(&error.to_string(), "API 密钥格式有误或校验和不符"))?;
        if key.environment != self.environment {
            return Err(invalid(
                &format!(
                    "the API key is for {}, this is {}",
                    key.environment, self.environment
                ),
                &format!(
                    "该 API 密钥用于 {}，当前环境为 {}",
                    key.environment, self.environment
                ),
            ));
        }
        // The same work is done for a key that does not exist, and the same is said.
        let given = self.group.api_key_mac(&key.id, &key.secret);
        let known = self.credentials.get(&key.id);
        let expected = match known.map(|one| &one.proof) {
            Some(Proof::ApiKey(digest)) => Some(digest),
            _ => None,
        };
        let same = same(expected.unwrap_or(&[0; 32]), &given);
        match known {
            Some(credential) if expected.is_some() && same => {
                Self::caller_of(credential, asked.now)
            }
            _ => Err(invalid("the API key is not known here", "API 密钥无效")),
        }
    }
}
