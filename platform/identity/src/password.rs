//! Rules for new passwords, and argon2id.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

/// Longest password taken; longer ones only cost time.
const LONGEST: usize = 256;

/// Passwords that head every published breach list and are long enough to pass the length rule,
/// compared without case. A list of a few dozen stops the commonest guesses; length does the rest.
const BREACHED: &str = "
12345678 123456789 1234567890 0123456789 123123123 987654321 9876543210 87654321 11111111
111111111 1111111111 00000000 000000000 0000000000 66666666 88888888 888888888 8888888888
12341234 1234512345 12344321 123454321 password password1 password12 password123 passw0rd
p@ssw0rd p@ssword password! passw0rd123 password1234 qwertyui qwertyuiop qwerty123 qwerty1234
qwerty12345 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc zaq12wsx asdfghjk asdfghjkl zxcvbnm123
q1w2e3r4 q1w2e3r4t5 abcd1234 abc12345 abcdefgh a1b2c3d4 abc123456 a123456789 aa123456 aa12345678
iloveyou iloveyou1 sunshine sunshine1 princess princess1 football football1 baseball welcome1
welcome123 welcome1234 letmein123 trustno1 superman superman1 dragon123 master123 monkey123
starwars whatever computer internet michelle jennifer charlie1 liverpool changeme changeme123
admin123 admin1234 admin12345 admin123456 administrator root1234 rootroot toor1234 test1234
test12345 testtest default1 secret123 hello123 hello1234 woaini1314 woaini520 5201314520
1314520520 woaini123 qq123456 qq123456789 asd123456 zxc123456 qwe123456 wang1234 li123456
rialto123 rialto1234 rialto12345
";

/// Why a new password is refused.
pub(crate) fn refusal(password: &str, login: &str, minimum: usize) -> Option<String> {
    let folded = password.to_lowercase();
    let characters = password.chars().count();
    let distinct = password
        .chars()
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    if characters < minimum {
        Some(format!(
            "has {characters} characters; {minimum} or more are needed"
        ))
    } else if password.len() > LONGEST {
        Some(format!("is longer than {LONGEST} bytes"))
    } else if BREACHED.split_whitespace().any(|known| known == folded) {
        Some("is on the list of passwords everybody tries first; choose another".to_owned())
    } else if distinct < 4 {
        Some("repeats fewer than four characters; choose another".to_owned())
    } else if folded.replace(&login.to_lowercase(), "").chars().count() < minimum.min(8) {
        Some("is little more than the login name; choose another".to_owned())
    } else {
        None
    }
}

/// The argon2id hash of a password, in PHC form. Takes tens of milliseconds and 19 MiB.
pub(crate) fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(password.as_bytes())?
        .to_string())
}

/// Whether the password belongs to the hash. Without a hash the same work is done in vain, so that
/// the time taken does not tell which login names exist.
pub(crate) fn matches(password: &str, hash: Option<&str>) -> bool {
    // The hash of a random text nobody kept, with the parameters in use.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$5DVmSu+54VjN5JAxBO2cuQ$\
                          sAFaGGmCHfjKkpqTZDqJXkqTq9CwmCqBUXmUCtkT2wQ";
    if password.len() > LONGEST {
        return false;
    }
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &parsed)
        .is_ok()
        && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_common_repeated_and_own_names_are_refused() {
        for (password, part) in [
            ("short", "has 5 characters"),
            ("Password123", "everybody tries first"),
            ("aaaaaaaaaaab", "repeats fewer"),
            ("xxDEVELOPERxx", "little more than the login name"),
            (&"a1b2c3".repeat(100), "longer than 256"),
        ] {
            let reason = refusal(password, "developer", 10).expect(password);
            assert!(reason.contains(part), "{password}: {reason}");
        }
        assert_eq!(refusal("correct horse battery", "developer", 10), None);
        assert_eq!(refusal("developer likes horses", "developer", 10), None);
        assert_eq!(refusal("一匹马的正确电池钉书机", "developer", 10), None);
    }

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let stored = hash("correct horse battery").expect("hashes");
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(matches("correct horse battery", Some(&stored)));
        assert!(!matches("correct horse batterz", Some(&stored)));
        assert!(!matches("correct horse battery", None));
        assert!(!matches("correct horse battery", Some("not a hash")));
    }

    #[test]
    fn the_hash_of_nobody_can_be_tried() {
        let parsed = PasswordHash::new(
            "$argon2id$v=19$m=19456,t=2,p=1$5DVmSu+54VjN5JAxBO2cuQ$\
             sAFaGGmCHfjKkpqTZDqJXkqTq9CwmCqBUXmUCtkT2wQ",
        );
        assert!(
            parsed.is_ok(),
            "a lookup of an unknown login must cost the same time"
        );
    }
}
