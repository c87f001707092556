//! Random tokens and random damage: nothing panics and nothing passes. Bounded, and the same on every run.
//!
//! In process, under a shared secret and under a provider on loopback.

use crate::tokens::Judges;
use crate::tokens::rows::Base;

/// A generator of our own (xorshift64), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(limit).expect("small")).expect("below a small limit")
    }

    fn letter(&mut self) -> char {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~+/";
        char::from(LETTERS[self.below(LETTERS.len())])
    }

    fn text(&mut self, longest: usize) -> String {
        let length = 1 + self.below(longest);
        (0..length).map(|_| self.letter()).collect()
    }

    /// The token with one to three characters replaced, inserted or removed, or cut.
    fn damaged(&mut self, token: &str) -> String {
        let mut letters: Vec<char> = token.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(letters.len());
            match self.below(4) {
                0 => letters[at] = self.letter(),
                1 => letters.insert(at, self.letter()),
                2 if letters.len() > 1 => drop(letters.remove(at)),
                _ => letters.truncate(at.max(1)),
            }
        }
        letters.into_iter().collect()
    }
}

#[tokio::test]
async fn random_tokens_and_random_damage_never_panic_and_never_pass() {
    let judges = Judges::assemble().await;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for base in [Base::Oidc, Base::Hmac] {
        let good = judges.draft(base).with(&[]);
        assert_eq!(judges.word(base, &good).await, "accepted");
        for round in 0..3000 {
            let token = if round % 3 == 0 { dice.text(400) } else { dice.damaged(&good) };
            if token != good {
                assert_ne!(judges.word(base, &token).await, "accepted", "{token}");
            }
        }
    }
}

#[tokio::test]
async fn damaged_headers_and_claims_under_a_valid_signature_never_panic() {
    let judges = Judges::assemble().await;
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    let header = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    let payload = "{\"sub\":\"alice\",\"aud\":[\"https://mcp.example.com/mcp\"],\"exp\":1800000600,\"iat\":1799999990,\"x\":{\"y\":[1.5,null]}}";
    let signer = crate::world::tokens::Signer::Hmac(256, crate::world::SECRET.as_bytes());
    let sign = |header: &[u8], payload: &[u8]| crate::world::tokens::sign(signer, header, payload);
    assert_eq!(judges.word(Base::Hmac, &sign(header.as_bytes(), payload.as_bytes())).await, "accepted");
    for _ in 0..5000 {
        let (mut head, mut body) = (header.as_bytes().to_vec(), payload.as_bytes().to_vec());
        let damaged = if dice.below(2) == 0 { &mut head } else { &mut body };
        let at = dice.below(damaged.len());
        damaged[at] = dice.roll().to_le_bytes()[0];
        // Some damage does no harm ("alicf" is a subject, too); the verdict is not the point here.
        let _ = judges.word(Base::Hmac, &sign(&head, &body)).await;
    }
}
