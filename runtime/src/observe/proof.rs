//! The bus's proof: HMAC-SHA256 with the tree secret over the root's challenge and the actor's uuid.
use coulter_proto::id::Uuid;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How long a challenge is.
const NONCE: usize = 32;

/// A fresh challenge.
pub(super) fn nonce() -> std::io::Result<Vec<u8>> {
    let mut nonce = vec![0; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(nonce)
}

fn mac(secret: &[u8], nonce: &[u8], uuid: Uuid) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of any length, so this is always there.
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(nonce);
    mac.update(uuid.as_bytes());
    Some(mac)
}

/// The proof of an actor that knows the secret.
pub(super) fn prove(secret: &[u8], nonce: &[u8], uuid: Uuid) -> Vec<u8> {
    mac(secret, nonce, uuid).map_or_else(Vec::new, |mac| mac.finalize().into_bytes().to_vec())
}

/// Whether the proof is right; takes the same time for every wrong one.
pub(super) fn verify(secret: &[u8], nonce: &[u8], uuid: Uuid, proof: &[u8]) -> bool {
    mac(secret, nonce, uuid).is_some_and(|mac| mac.verify_slice(proof).is_ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed
    use super::*;

    #[test]
    fn rule_11_1_a_proof_holds_for_one_secret_one_challenge_one_actor() {
        let (secret, nonce, uuid) = (b"secret".as_slice(), nonce().unwrap(), Uuid::from_u128(7));
        let proof = prove(secret, &nonce, uuid);
        assert!(verify(secret, &nonce, uuid, &proof));
        assert!(!verify(b"other", &nonce, uuid, &proof));
        assert!(!verify(secret, &super::nonce().unwrap(), uuid, &proof));
        assert!(!verify(secret, &nonce, Uuid::from_u128(8), &proof));
        assert!(!verify(secret, &nonce, uuid, &proof[..31]));
        assert!(!verify(secret, &nonce, uuid, &[]));
    }
}
