//! Key sets: printed signatures of the specifications, lookup by id, and keys that are unfit.
//!
//! Pure.

use super::*;
use crate::jose::{Algorithm, Compact, Typ};

/// The public keys and the signatures that RFC 7515 A.3 and RFC 8037 A.2, A.4 print.
const P256: &str = r#"{"kty":"EC","kid":"p","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const ED: &str =
    r#"{"kty":"OKP","kid":"e","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
const BY_P256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const BY_ED: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn set(keys: &[&str]) -> Result<KeySet, KeySetError> {
    KeySet::parse(format!("{{\"keys\":[{}]}}", keys.join(",")).as_bytes())
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { algorithm, kid: kid.map(str::to_owned), typ: Typ::Unsaid }
}

#[test]
fn the_signatures_that_the_specifications_print_are_valid_and_swapped_ones_are_not() {
    let set = set(&[P256, ED]).expect("two keys");
    let key = |algorithm, kid| set.key(&header(algorithm, Some(kid))).expect("known");
    for (algorithm, kid, token, other) in
        [(Algorithm::Es256, "p", BY_P256, BY_ED), (Algorithm::EdDsa, "e", BY_ED, BY_P256)]
    {
        let (own, other) = (Compact::parse(token).expect("a token"), Compact::parse(other).expect("a token"));
        assert!(key(algorithm, kid).verifies(algorithm, own.signed, own.signature));
        assert!(!key(algorithm, kid).verifies(algorithm, own.signed, other.signature));
        assert!(!key(algorithm, kid).verifies(algorithm, other.signed, own.signature));
    }
}

#[test]
fn a_key_is_found_by_its_id_and_for_its_algorithm() {
    let set = set(&[P256, ED]).expect("two keys");
    assert!(set.key(&header(Algorithm::Es256, Some("p"))).is_ok());
    assert_eq!(set.key(&header(Algorithm::Es384, Some("p"))).unwrap_err(), LookupError::Algorithm);
    assert_eq!(set.key(&header(Algorithm::Es256, Some("P"))).unwrap_err(), LookupError::Unknown);
}

#[test]
fn without_an_id_a_key_is_found_only_where_there_is_nothing_to_choose() {
    let nameless = header(Algorithm::Es256, None);
    assert!(set(&[P256, ED]).expect("two keys").key(&nameless).is_ok());
    let second = P256.replace(r#""kid":"p""#, r#""kid":"q""#);
    assert_eq!(set(&[P256, &second]).expect("two keys").key(&nameless).unwrap_err(), LookupError::Ambiguous);
    assert_eq!(set(&[ED]).expect("one key").key(&nameless).unwrap_err(), LookupError::Algorithm);
}

#[test]
fn an_unfit_key_is_skipped_with_its_reason() {
    let encryption = P256.replace(r#""kid":"p""#, r#""kid":"enc\n","use":"enc""#);
    let set = set(&[&encryption, ED]).expect("one key is left");
    assert_eq!(set.len(), 1);
    assert_eq!(set.skipped(), [r#"key "enc\n": it is not for verifying signatures"#]);
}

#[test]
fn a_set_with_a_secret_in_it_is_refused_whole() {
    let private = ED.replace(r#""kid":"e""#, r#""kid":"e","d":"AA""#);
    assert!(matches!(set(&[P256, &private]), Err(KeySetError::Secret)));
    assert!(matches!(set(&[P256, r#"{"kty":"oct"}"#]), Err(KeySetError::Secret)));
}

#[test]
fn what_is_no_set_or_holds_no_usable_key_is_refused() {
    for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(matches!(KeySet::parse(document.as_bytes()), Err(KeySetError::Json)), "{document}");
    }
    assert!(matches!(set(&[]), Err(KeySetError::Empty(_))));
    assert!(matches!(set(&[P256, P256]), Err(KeySetError::Empty(_))));
}

/// RFC 9864 §2.2: two names of one algorithm, for one kind of key.
#[test]
fn j19_a_key_for_ed25519_may_call_its_algorithm_by_either_name_and_by_no_other() {
    let set = |alg: &str| {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"ed","alg":"{alg}"}}"#);
        KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes())
    };
    for alg in ["EdDSA", "Ed25519"] {
        assert!(set(alg).expect("fit").key(&header(Algorithm::EdDsa, Some("ed"))).is_ok(), "{alg}");
    }
    for alg in ["RS256", "Ed448", "ed25519"] {
        assert!(matches!(set(alg), Err(KeySetError::Empty(_))), "{alg}");
    }
}
