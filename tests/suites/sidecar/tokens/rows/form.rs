//! Rows on what a token looks like, before anyone asks what it says: algorithm, key, header, parts, members, encoding,
//! size (J01–J10, J21).
//!
//! Pure.

use super::{OK, Row, beside, hmac, oidc};
use crate::world::tokens::Change::{
    Claim, ClaimFirst, ClaimLast, Header, HeaderFirst, HeaderLast, NoHeader, Payload, SignedBy, Text,
};
use crate::world::tokens::Signer::{EdDsa, Es256, Es384, Hmac, Rsa, Stranger};
use crate::world::tokens::{Change, encode};

const ES256: &[Change] = &[Header("alg", "\"ES256\""), Header("kid", "\"p256\""), SignedBy(Es256)];
const ES384: &[Change] = &[Header("alg", "\"ES384\""), Header("kid", "\"p384\""), SignedBy(Es384)];
const EDDSA: &[Change] = &[Header("alg", "\"EdDSA\""), Header("kid", "\"ed\""), SignedBy(EdDsa)];
const PS256: &[Change] = &[Header("alg", "\"PS256\""), Header("kid", "\"rsa-any\""), SignedBy(Rsa("PS256"))];
fn part(token: &str, index: usize, on_part: fn(&str) -> String) -> String {
    let parts = token.split('.').enumerate();
    let changed = parts.map(|(at, part)| if at == index { on_part(part) } else { part.to_owned() });
    changed.collect::<Vec<_>>().join(".")
}

/// The same bytes with a spare bit set in the last character: 256 bytes leave four bits of it unused.
fn with_spare_bit(part: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = part.split_at(part.len() - 1);
    let value = ALPHABET.iter().position(|known| last.as_bytes() == [*known]).expect("base64url");
    format!("{head}{}", char::from(ALPHABET[value | 1]))
}

/// JSON of 1,000 levels.
fn deep_payload(_: &str) -> String {
    encode(format!("{}1{}", "{\"a\":".repeat(1000), "}".repeat(1000)).as_bytes())
}

pub(super) const ROWS: &[Row] = &[
    // Every algorithm with its own key.
    oidc("J03 RS256 with the key for RS256", &[Claim("jti", "\"1\"")], OK),
    oidc("J03 ES256 with the P-256 key", ES256, OK),
    oidc("J03 ES384 with the P-384 key", ES384, OK),
    oidc("J03 EdDSA with the Ed25519 key", EDDSA, OK),
    oidc("J03 PS256 with a key that names no algorithm", PS256, OK),
    hmac("J20 HS256 with a secret of 32 bytes", &[Claim("jti", "\"1\"")], OK),
    // J01: the algorithm is not the token's to choose.
    oidc("J01 alg none, signed", &[Header("alg", "\"none\"")], "token_algorithm"),
    oidc("J01 alg None", &[Header("alg", "\"None\"")], "token_algorithm"),
    oidc("J01 alg empty", &[Header("alg", "\"\"")], "token_algorithm"),
    oidc("J01 alg null", &[Header("alg", "null")], "token_algorithm"),
    oidc("J01 alg list", &[Header("alg", "[\"RS256\"]")], "token_algorithm"),
    oidc("J01 alg missing", &[NoHeader("alg")], "token_algorithm"),
    oidc("J01 signature empty", &[Text(|token| part(&token, 2, |_| String::new()))], "token_signature"),
    oidc(
        "J01 signature of another token",
        &[Text(|token| part(&token, 1, |_| encode(b"{\"sub\":\"root\"}")))],
        "token_signature",
    ),
    hmac("J01 alg none under a shared secret", &[Header("alg", "\"none\"")], "token_algorithm"),
    // J02: a public key is no shared secret, and the other way round (more in `sweeps`).
    oidc(
        "J02 HS256 against a provider's keys",
        &[Header("alg", "\"HS256\""), SignedBy(Hmac(256, b"x"))],
        "token_algorithm",
    ),
    hmac(
        "J02 RS256 against a shared secret",
        &[Header("alg", "\"RS256\""), SignedBy(Rsa("RS256"))],
        "token_algorithm",
    ),
    // J03: one key, one algorithm (all of them in `sweeps`).
    oidc(
        "J03 PS256 with the key for RS256",
        &[Header("alg", "\"PS256\""), SignedBy(Rsa("PS256"))],
        "token_algorithm",
    ),
    beside("J03 ES384 named with the P-256 key", ES256, &[Header("alg", "\"ES384\"")], "token_algorithm"),
    beside("J03 RS256 named over a PS256 signature", PS256, &[Header("alg", "\"RS256\"")], "token_signature"),
    hmac(
        "J03 HS512 with the secret for HS256",
        &[Header("alg", "\"HS512\""), SignedBy(Hmac(512, crate::world::SECRET.as_bytes()))],
        "token_algorithm",
    ),
    oidc("J03 signed by a key that is not the provider's", &[SignedBy(Stranger)], "token_signature"),
    beside(
        "J21 ES256 with r = s = 0",
        ES256,
        &[Text(|token| part(&token, 2, |_| encode(&[0; 64])))],
        "token_signature",
    ),
    beside(
        "J21 EdDSA with a signature of zeros",
        EDDSA,
        &[Text(|token| part(&token, 2, |_| encode(&[0; 64])))],
        "token_signature",
    ),
    // J04: a key id is a key of a map.
    oidc("J04 kid with a path", &[Header("kid", "\"../../../../dev/null\"")], "token_key"),
    oidc("J04 kid with a command", &[Header("kid", "\"rsa|sleep 5\"")], "token_key"),
    oidc("J04 kid with SQL", &[Header("kid", "\"' UNION SELECT 'x\"")], "token_key"),
    oidc("J04 kid with a line end", &[Header("kid", "\"rsa\\r\\nx: y\"")], "token_key"),
    oidc("J04 kid empty", &[Header("kid", "\"\"")], "token_key"),
    oidc("J04 kid null", &[Header("kid", "null")], "token_header"),
    oidc("J04 kid number", &[Header("kid", "7")], "token_header"),
    oidc("J04 kid missing where several keys would fit", &[NoHeader("kid")], "token_key"),
    beside("J04 kid missing where one key fits", ES256, &[NoHeader("kid")], OK),
    hmac("J04 kid of any name under a shared secret", &[Header("kid", "\"../x\"")], OK),
    // J05: keys come from the policy (the canary is in `sweeps`).
    oidc("J05 jku beside a good signature", &[Header("jku", "\"https://evil.example/keys\"")], OK),
    beside(
        "J05 jku with a stranger's signature",
        &[Header("jku", "\"https://evil.example/keys\"")],
        &[SignedBy(Stranger)],
        "token_signature",
    ),
    // J06: every critical extension is one that we do not know.
    beside(
        "J06 crit with an unknown name",
        &[Header("x", "1")],
        &[Header("crit", "[\"x\"]")],
        "token_header_member",
    ),
    oidc("J06 crit empty", &[Header("crit", "[]")], "token_header_member"),
    oidc("J06 crit text", &[Header("crit", "\"exp\"")], "token_header_member"),
    oidc("J06 crit null", &[Header("crit", "null")], "token_header_member"),
    oidc("J06 crit with an absent name", &[Header("crit", "[\"y\"]")], "token_header_member"),
    oidc("J06 crit with a registered name", &[Header("crit", "[\"alg\"]")], "token_header_member"),
    oidc("J06 crit with b64", &[Header("crit", "[\"b64\"]")], "token_header_member"),
    oidc("J06 crit number", &[Header("crit", "1")], "token_header_member"),
    oidc("J06 an unknown member that is not critical", &[Header("x", "1")], OK),
    // J07: only the compact form of a signed token.
    oidc("J07 b64 false", &[Header("b64", "false")], "token_header_member"),
    oidc("J07 zip", &[Header("zip", "\"DEF\"")], "token_header_member"),
    oidc("J07 enc", &[Header("enc", "\"A256GCM\"")], "token_header_member"),
    oidc("J07 cty", &[Header("cty", "\"JWT\"")], "token_header_member"),
    oidc("J07 one part", &[Text(|token| token.replace('.', ""))], "token_not_compact"),
    oidc(
        "J07 two parts",
        &[Text(|token| token.rsplit_once('.').expect("three").0.to_owned())],
        "token_not_compact",
    ),
    oidc("J07 four parts", &[Text(|token| token + ".x")], "token_not_compact"),
    oidc("J07 five parts", &[Text(|token| token + ".x.y")], "token_not_compact"),
    oidc("J07 six parts", &[Text(|token| token + ".x.y.z")], "token_not_compact"),
    oidc("J07 payload detached", &[Text(|token| part(&token, 1, |_| String::new()))], "token_signature"),
    // J08: one member, one value.
    oidc("J08 alg twice", &[HeaderLast("alg", "\"RS256\"")], "token_header"),
    oidc("J08 alg twice, none first", &[HeaderFirst("alg", "\"none\"")], "token_header"),
    oidc("J08 kid twice", &[HeaderLast("kid", "\"rsa\"")], "token_header"),
    oidc("J08 typ twice", &[HeaderFirst("typ", "\"at+jwt\"")], "token_header"),
    oidc("J08 exp twice, the good one last", &[ClaimFirst("exp", "1")], "token_payload"),
    oidc("J08 exp twice, the good one first", &[ClaimLast("exp", "1")], "token_payload"),
    oidc("J08 aud twice", &[ClaimFirst("aud", "\"https://other.example\"")], "token_payload"),
    oidc(
        "J08 aud twice, once escaped",
        &[ClaimLast("\\u0061ud", "\"https://other.example\"")],
        "token_payload",
    ),
    oidc("J08 sub twice", &[ClaimLast("sub", "\"root\"")], "token_payload"),
    oidc("J08 iss twice", &[ClaimLast("iss", "\"https://evil.example\"")], "token_payload"),
    beside(
        "J08 scope twice",
        &[Claim("scope", "\"mcp\"")],
        &[ClaimLast("scope", "\"admin\"")],
        "token_payload",
    ),
    beside(
        "J08 a member of a member twice",
        &[Claim("x", "{\"a\":1}")],
        &[Claim("x", "{\"a\":1,\"a\":1}")],
        "token_payload",
    ),
    oidc("J08 names that differ in case are two members", &[ClaimLast("AUD", "\"x\"")], OK),
    // J09: one spelling of base64url.
    oidc(
        "J09 header padded",
        &[Text(|token| part(&token, 0, |part| format!("{part}=")))],
        "authorization_malformed",
    ),
    oidc("J09 signature padded", &[Text(|token| token + "==")], "token_signature"),
    oidc(
        "J09 signature with a spare bit",
        &[Text(|token| part(&token, 2, with_spare_bit))],
        "token_signature",
    ),
    oidc("J09 signature with an impossible length", &[Text(|token| token + "AAA")], "token_signature"),
    oidc(
        "J09 header in the other alphabet",
        &[Text(|token| part(&token, 0, |part| format!("+{part}")))],
        "token_header",
    ),
    oidc(
        "J09 signature in the other alphabet",
        &[Text(|token| part(&token, 2, |part| format!("{}+/", &part[2..])))],
        "token_signature",
    ),
    // J10: caps come first.
    oidc("J10 payload of 20 KB", &[Text(|token| part(&token, 1, |_| "A".repeat(20_000)))], "token_too_long"),
    oidc("J10 nothing but dots", &[Text(|_| ".".repeat(100_000))], "token_too_long"),
    oidc("J10 header of 3 KB", &[Text(|token| part(&token, 0, |_| "A".repeat(3_000)))], "token_header"),
    beside(
        "J10 claims of 17 levels",
        &[Claim("x", "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]")],
        &[Claim("x", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]")],
        "token_payload",
    ),
    oidc(
        "J10 claims of 1,000 levels, not signed",
        &[Text(|token| part(&token, 1, deep_payload))],
        "token_signature",
    ),
    // The claims as a whole.
    oidc("J08 claims as a list", &[Payload("[1800000600,0,\"alice\"]")], "token_payload"),
    oidc("J08 claims as a text", &[Payload("\"alice\"")], "token_payload"),
    oidc("J08 claims empty", &[Payload("")], "token_payload"),
    oidc("J08 claims with something behind them", &[Payload("{}{}")], "token_payload"),
];
