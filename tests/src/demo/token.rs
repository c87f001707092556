//! An HS256 token, made the way a script would make one (RFC 7515 §3.1). Pure, apart from the clock it is given.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// A token for `audience` that is good for an hour.
pub fn hs256(secret: &str, audience: &str, now: u64) -> String {
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    let claims = json!({ "sub": "demo", "aud": audience, "iat": now, "exp": now + 3600, "scope": "mcp" });
    let signed = format!("{}.{}", part(&header), part(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_three_parts_and_names_its_audience() {
        let token = hs256("a secret", "https://mcp.example.com/mcp", 1_000);
        let parts: Vec<_> = token.split('.').collect();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).expect("base64url")).expect("JSON");
        assert_eq!(
            (parts.len(), &claims["aud"], &claims["exp"]),
            (3, &json!("https://mcp.example.com/mcp"), &json!(4_600))
        );
    }
}
