//! What FIT-Connect asks for of JOSE: RSA keys of 4096 bits as JSON Web Keys (RFC 7517), encryption with RSA-OAEP-256 and A256GCM
//! (RFC 7516, 7518), signatures with PS512 (RFC 7515). Sources: FITKO's "Vorgaben für kryptographische Verfahren"
//! (docs.fitko.de/fit-connect/docs/details/crypto) and README of `git.fitko.de/fit-connect/submission-api` (683 characters of `n`).

use crate::shell::envelope::MAX_PLAINTEXT;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{
    KeyPair, KeyPairComponents, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
    PublicKeyComponents,
};
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA512};
use data_encoding::BASE64URL_NOPAD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::{Zeroize, Zeroizing};

/// The length of a modulus in bytes: 4096 bits.
const MODULUS: usize = 512;
/// The length of AES-GCM's tag in bytes.
const TAG: usize = 16;
/// The longest header read.
const MAX_HEADER: usize = 4096;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Content keys are wrapped with it.
    Encryption,
    /// Events are signed with it.
    Signature,
}

impl Use {
    /// Its `alg`, `use`, and the operation of the public and of the private half in `key_ops`.
    const fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Encryption => ("RSA-OAEP-256", "enc", "wrapKey", "unwrapKey"),
            Self::Signature => ("PS512", "sig", "verify", "sign"),
        }
    }
}

/// Why a key is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// Another kind of key.
    #[error("it is no RSA key")]
    NotRsa,
    /// For something else.
    #[error("it is for {found}, and not for {wanted}")]
    OtherUse {
        /// What it says.
        found: String,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Too weak, or longer than anybody asks for.
    #[error("it has {0} bits, FIT-Connect asks for 4096")]
    Size(usize),
    /// It has no name.
    #[error("it has no kid")]
    NoName,
    /// It is for others than thought.
    #[error("it is called {found}, and not {wanted}")]
    OtherName {
        /// Its name.
        found: String,
        /// Whose was asked for.
        wanted: String,
    },
    /// Its numbers are none.
    #[error("its numbers do not make a key")]
    Numbers,
}

/// Why something encrypted does not open, or a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// No JOSE at all, or a kind that is not used here.
    #[error("it is not in the form that FIT-Connect prescribes")]
    Form,
    /// For another key.
    #[error("it is encrypted for another key")]
    OtherKey,
    /// Changed on the way.
    #[error("it was changed or cut short on the way")]
    Changed,
    /// More than allowed.
    #[error("it holds more than {MAX_PLAINTEXT} bytes")]
    TooLarge,
    /// The signature is false.
    #[error("its signature is false")]
    Signature,
}

/// A JSON Web Key as it is written.
#[derive(Clone, Deserialize, Serialize)]
pub struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    for_use: Option<String>,
    #[serde(default)]
    key_ops: Vec<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(flatten, skip_serializing)]
    private: Option<Private>,
}

#[derive(Clone, Deserialize)]
struct Private {
    d: Zeroizing<String>,
    p: Zeroizing<String>,
    q: Zeroizing<String>,
    dp: Zeroizing<String>,
    dq: Zeroizing<String>,
    qi: Zeroizing<String>,
}

impl std::fmt::Debug for Jwk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jwk").field("kid", &self.kid).field("alg", &self.alg).finish_non_exhaustive()
    }
}

impl Jwk {
    /// The public half, if it may be used for `to`: kind, `alg`, `use`, `key_ops`, size and name are looked at.
    pub fn public(&self, to: Use) -> Result<PublicKey, KeyRefused> {
        let (.., operation, _) = to.names();
        let (kid, n, e) = self.checked(to, operation)?;
        let components = PublicKeyComponents { n, e };
        // Numbers that make no key are refused here and not at the first use.
        let _: PublicEncryptingKey = components.clone().try_into().map_err(|_| KeyRefused::Numbers)?;
        Ok(PublicKey { kid, components })
    }

    /// The private half, if it may be used for `to`.
    pub fn private(&self, to: Use) -> Result<PrivateKey, KeyRefused> {
        let (.., operation) = to.names();
        let (kid, n, e) = self.checked(to, operation)?;
        let private = self.private.as_ref().ok_or(KeyRefused::Numbers)?;
        let number = |text: &str| BASE64.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| KeyRefused::Numbers);
        let pair = KeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
            d: number(&private.d)?.as_slice(),
            p: number(&private.p)?.as_slice(),
            q: number(&private.q)?.as_slice(),
            dP: number(&private.dp)?.as_slice(),
            dQ: number(&private.dq)?.as_slice(),
            qInv: number(&private.qi)?.as_slice(),
        })
        .map_err(|_| KeyRefused::Numbers)?;
        Ok(PrivateKey { kid, pair })
    }

    fn checked(&self, to: Use, operation: &'static str) -> Result<(String, Vec<u8>, Vec<u8>), KeyRefused> {
        let (alg, for_use, ..) = to.names();
        if self.kty != "RSA" {
            return Err(KeyRefused::NotRsa);
        }
        let other = |found: &str, wanted| Err(KeyRefused::OtherUse { found: found.to_owned(), wanted });
        if let Some(found) = self.alg.as_deref().filter(|found| *found != alg) {
            return other(found, alg);
        }
        if let Some(found) = self.for_use.as_deref().filter(|found| *found != for_use) {
            return other(found, for_use);
        }
        if !self.key_ops.iter().any(|op| op == operation) {
            return other(&self.key_ops.join(", "), operation);
        }
        let kid = self.kid.clone().filter(|kid| is_name(kid)).ok_or(KeyRefused::NoName)?;
        let number = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| KeyRefused::Numbers);
        let (n, e) = (number(&self.n)?, number(&self.e)?);
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if n.len() != MODULUS || bits != MODULUS * 8 {
            return Err(KeyRefused::Size(bits));
        }
        Ok((kid, n, e))
    }
}

/// What may stand in a path as a key's name: letters, digits, `-`, `_`, `.`; at most 128 of them.
pub fn is_name(kid: &str) -> bool {
    (1..=128).contains(&kid.len()) && !kid.contains("..") && kid.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// A public key that was looked at.
#[derive(Clone, Debug)]
pub struct PublicKey {
    kid: String,
    components: PublicKeyComponents<Vec<u8>>,
}

impl PublicKey {
    /// The same, if it is called `wanted`.
    pub fn called(self, wanted: &str) -> Result<Self, KeyRefused> {
        if self.kid == wanted { Ok(self) } else { Err(KeyRefused::OtherName { found: self.kid, wanted: wanted.to_owned() }) }
    }
}

/// A private key that was looked at.
pub struct PrivateKey {
    kid: String,
    pair: KeyPair,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey {}", self.kid)
    }
}

/// Encrypts `plain` for the owner of `key`: JWE, compact. `kind` is the content's media type.
pub fn encrypt(key: &PublicKey, kind: &str, plain: &[u8]) -> Result<String, KeyRefused> {
    let header = json!({"alg": "RSA-OAEP-256", "cty": kind, "enc": "A256GCM", "kid": key.kid}).to_string();
    let header = BASE64.encode(header.as_bytes());
    let mut secret = Zeroizing::new([0; 32]);
    let mut nonce = [0; 12];
    rand::fill(secret.as_mut_slice()).and_then(|()| rand::fill(&mut nonce)).map_err(|_| KeyRefused::Numbers)?;
    let public: PublicEncryptingKey = key.components.clone().try_into().map_err(|_| KeyRefused::Numbers)?;
    let wrapper = OaepPublicEncryptingKey::new(public).map_err(|_| KeyRefused::Numbers)?;
    let mut wrapped = vec![0; wrapper.ciphertext_size()];
    let wrapped = wrapper.encrypt(&OAEP_SHA256_MGF1SHA256, secret.as_slice(), &mut wrapped, None).map_err(|_| KeyRefused::Numbers)?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret.as_slice()).map_err(|_| KeyRefused::Numbers)?);
    let mut bytes = plain.to_vec();
    let tag = cipher
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header.as_bytes()), &mut bytes)
        .map_err(|_| KeyRefused::Numbers)?;
    Ok([header, BASE64.encode(wrapped), BASE64.encode(&nonce), BASE64.encode(&bytes), BASE64.encode(tag.as_ref())].join("."))
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: Option<String>,
    kid: Option<String>,
    typ: Option<String>,
    zip: Option<String>,
    crit: Option<Value>,
}

fn header(text: &str) -> Result<Header, NotOpened> {
    if text.len() > MAX_HEADER {
        return Err(NotOpened::Form);
    }
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| NotOpened::Form)?;
    let header: Header = serde_json::from_slice(&bytes).map_err(|_| NotOpened::Form)?;
    if header.crit.is_some() { Err(NotOpened::Form) } else { Ok(header) }
}

/// What a compact JWE holds for `key`.
pub fn decrypt(key: &PrivateKey, text: &str) -> Result<Vec<u8>, NotOpened> {
    let parts: Vec<&str> = text.trim().split('.').collect();
    let [head, wrapped, nonce, sealed, tag] = parts.as_slice() else { return Err(NotOpened::Form) };
    let fields = header(head)?;
    if fields.alg != "RSA-OAEP-256" || fields.enc.as_deref() != Some("A256GCM") {
        return Err(NotOpened::Form);
    }
    if fields.kid.is_some_and(|kid| kid != key.kid) {
        return Err(NotOpened::OtherKey);
    }
    let bytes = |text: &str| BASE64.decode(text.as_bytes()).map_err(|_| NotOpened::Form);
    let nonce: [u8; 12] = bytes(nonce)?.try_into().map_err(|_| NotOpened::Form)?;
    let secret = unwrap(key, &bytes(wrapped)?)?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &secret).map_err(|_| NotOpened::OtherKey)?);
    let (mut sealed, tag) = (bytes(sealed)?, bytes(tag)?);
    if tag.len() != TAG {
        return Err(NotOpened::Form);
    }
    sealed.extend(tag);
    let plain = cipher.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(head.as_bytes()), &mut sealed).map_err(|_| NotOpened::Changed)?;
    match fields.zip.as_deref() {
        None if plain.len() > MAX_PLAINTEXT => Err(NotOpened::TooLarge),
        None => Ok(plain.to_vec()),
        // Some senders pack (RFC 7516 § 4.1.3): FITKO's own Python client did.
        Some("DEF") => miniz_oxide::inflate::decompress_to_vec_with_limit(plain, MAX_PLAINTEXT).map_err(|error| match error.status {
            miniz_oxide::inflate::TINFLStatus::HasMoreOutput => NotOpened::TooLarge,
            _ => NotOpened::Changed,
        }),
        Some(_) => Err(NotOpened::Form),
    }
}

fn unwrap(key: &PrivateKey, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key.pair).map_err(|_| NotOpened::OtherKey)?;
    let private = PrivateDecryptingKey::from_pkcs8(der.as_ref()).map_err(|_| NotOpened::OtherKey)?;
    let opener = OaepPrivateDecryptingKey::new(private).map_err(|_| NotOpened::OtherKey)?;
    let mut room = Zeroizing::new(vec![0; opener.min_output_size()]);
    let secret = opener.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut room, None).map_err(|_| NotOpened::OtherKey)?;
    let secret_copy = Zeroizing::new(secret.to_vec());
    secret.zeroize();
    if secret_copy.len() == 32 { Ok(secret_copy) } else { Err(NotOpened::Form) }
}

/// The authentication tag of a compact JWE, as events name it: its last part.
pub fn tag(text: &str) -> &str {
    text.trim().rsplit('.').next().unwrap_or_default()
}

/// Signs an event: JWS, compact, `typ` secevent+jwt (RFC 8417 § 2.3).
pub fn sign(key: &PrivateKey, claims: &Value) -> Result<String, KeyRefused> {
    let header = json!({"alg": "PS512", "kid": key.kid, "typ": "secevent+jwt"}).to_string();
    let text = format!("{}.{}", BASE64.encode(header.as_bytes()), BASE64.encode(claims.to_string().as_bytes()));
    let mut signature = vec![0; key.pair.public_modulus_len()];
    key.pair.sign(&RSA_PSS_SHA512, &SystemRandom::new(), text.as_bytes(), &mut signature).map_err(|_| KeyRefused::Numbers)?;
    Ok(format!("{text}.{}", BASE64.encode(&signature)))
}

/// A signed event whose signature has not been looked at yet.
#[derive(Debug)]
pub struct Signed<'t> {
    /// The name of the key that is said to have signed it.
    pub kid: String,
    /// What it says; nothing of it counts before [`Signed::verify`].
    pub unverified: Value,
    text: &'t str,
    signature: Vec<u8>,
}

impl<'t> Signed<'t> {
    /// Takes a compact JWS apart; `typ` and `alg` must be those of FIT-Connect's events.
    pub fn parse(text: &'t str) -> Result<Self, NotOpened> {
        let text = text.trim();
        let (signed, signature) = text.rsplit_once('.').ok_or(NotOpened::Form)?;
        let (head, claims) = signed.split_once('.').ok_or(NotOpened::Form)?;
        let fields = header(head)?;
        if fields.alg != "PS512" || fields.typ.as_deref() != Some("secevent+jwt") {
            return Err(NotOpened::Form);
        }
        let claims = BASE64.decode(claims.as_bytes()).map_err(|_| NotOpened::Form)?;
        Ok(Self {
            kid: fields.kid.filter(|kid| is_name(kid)).ok_or(NotOpened::Form)?,
            unverified: serde_json::from_slice(&claims).map_err(|_| NotOpened::Form)?,
            text: signed,
            signature: BASE64.decode(signature.as_bytes()).map_err(|_| NotOpened::Form)?,
        })
    }

    /// What it says, if `key` has signed it.
    pub fn verify(self, key: &PublicKey) -> Result<Value, NotOpened> {
        if key.kid != self.kid {
            return Err(NotOpened::Signature);
        }
        key.components.verify(&RSA_PSS_2048_8192_SHA512, self.text.as_bytes(), &self.signature).map_err(|_| NotOpened::Signature)?;
        Ok(self.unverified)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys and texts that jwcrypto (Python) made: it shares no code with ours.
    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../../tests/fit_connect_stand/vectors.json")).expect("JSON")
    }

    fn jwk(vectors: &Value, name: &str, half: &str) -> Jwk {
        serde_json::from_value(vectors["keys"][name][half].clone()).expect("a key")
    }

    fn text<'v>(vectors: &'v Value, path: &str) -> &'v str {
        vectors.pointer(path).and_then(Value::as_str).expect(path)
    }

    #[test]
    fn what_another_implementation_encrypted_opens_and_what_was_changed_does_not() {
        let vectors = vectors();
        let key = jwk(&vectors, "destination_encryption", "private").private(Use::Encryption).expect("ours");
        for name in ["/jwe/compact", "/jwe/packed"] {
            let plain = decrypt(&key, text(&vectors, name)).expect(name);
            assert_eq!(plain, text(&vectors, "/jwe/plain").as_bytes());
        }
        let ours = encrypt(&jwk(&vectors, "destination_encryption", "public").public(Use::Encryption).expect("a key"), "text/plain", b"meals");
        let ours = ours.expect("encrypted");
        assert_eq!(decrypt(&key, &ours).expect("opens"), b"meals");
        let stranger = jwk(&vectors, "stranger_encryption", "private").private(Use::Encryption).expect("theirs");
        assert_eq!(decrypt(&stranger, &ours), Err(NotOpened::OtherKey));
        let parts: Vec<&str> = ours.split('.').collect();
        let with = |n: usize, part: &str| {
            let mut parts = parts.clone();
            parts[n] = part;
            decrypt(&key, &parts.join("."))
        };
        assert_eq!(with(3, &BASE64.encode(b"mealz")), Err(NotOpened::Changed));
        assert_eq!(with(4, &BASE64.encode(&[0; 16])), Err(NotOpened::Changed));
        assert_eq!(with(4, &BASE64.encode(&[0; 4])), Err(NotOpened::Form));
        assert_eq!(with(2, "short"), Err(NotOpened::Form));
        assert_eq!(with(1, &BASE64.encode(&[7; 512])), Err(NotOpened::OtherKey));
        for head in [
            "{\"alg\":\"RSA1_5\",\"enc\":\"A256GCM\"}",
            "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A128GCM\"}",
            "{\"alg\":\"RSA-OAEP-256\",\"enc\":\"A256GCM\",\"crit\":[\"x\"]}",
            "[]",
        ] {
            assert_eq!(with(0, &BASE64.encode(head.as_bytes())), Err(NotOpened::Form), "{head}");
        }
        for rubbish in ["", "a.b", "a.b.c.d.e", "....", &"A.".repeat(9000)] {
            assert_eq!(decrypt(&key, rubbish), Err(NotOpened::Form));
        }
    }

    #[test]
    fn an_event_counts_only_with_the_signature_of_the_key_that_it_names() {
        let vectors = vectors();
        let public = jwk(&vectors, "destination_signature", "public").public(Use::Signature).expect("a key");
        let claims = Signed::parse(text(&vectors, "/set/compact")).expect("a SET").verify(&public).expect("signed");
        assert_eq!(claims, vectors["set"]["claims"]);
        let private = jwk(&vectors, "destination_signature", "private").private(Use::Signature).expect("a key");
        let ours = sign(&private, &claims).expect("signed");
        assert!(Signed::parse(&ours).expect("a SET").verify(&public).is_ok());
        let other = jwk(&vectors, "service", "public").public(Use::Signature).expect("a key");
        assert_eq!(Signed::parse(&ours).expect("a SET").verify(&other), Err(NotOpened::Signature));
        let (head, rest) = ours.split_once('.').expect("parts");
        let changed = format!("{head}.{}.{}", BASE64.encode(b"{\"iss\":\"me\"}"), rest.split_once('.').expect("parts").1);
        assert_eq!(Signed::parse(&changed).expect("a SET").verify(&public), Err(NotOpened::Signature));
        for head in [
            "{\"alg\":\"none\",\"typ\":\"secevent+jwt\",\"kid\":\"k\"}",
            "{\"alg\":\"HS512\",\"typ\":\"secevent+jwt\",\"kid\":\"k\"}",
            "{\"alg\":\"PS512\",\"typ\":\"JWT\",\"kid\":\"k\"}",
            "{\"alg\":\"PS512\",\"typ\":\"secevent+jwt\",\"kid\":\"../k\"}",
        ] {
            let text = format!("{}.{rest}", BASE64.encode(head.as_bytes()));
            assert!(matches!(Signed::parse(&text), Err(NotOpened::Form)), "{head}");
        }
    }

    #[test]
    fn a_key_that_is_not_what_is_asked_for_is_refused() {
        let vectors = vectors();
        let good = vectors["keys"]["destination_encryption"]["public"].clone();
        let refused = |field: &str, value: Value| {
            let mut key = good.clone();
            key[field] = value;
            serde_json::from_value::<Jwk>(key).expect("a key").public(Use::Encryption).map(|_| ()).expect_err(field).to_string()
        };
        assert!(jwk(&vectors, "destination_encryption", "public").public(Use::Encryption).is_ok());
        for (field, value, said) in [
            ("kty", json!("EC"), "no RSA key"),
            ("alg", json!("PS512"), "for PS512, and not for RSA-OAEP-256"),
            ("use", json!("sig"), "for sig, and not for enc"),
            ("key_ops", json!(["verify"]), "for verify, and not for wrapKey"),
            ("key_ops", json!([]), "not for wrapKey"),
            ("kid", json!("../../events"), "no kid"),
            ("n", json!("AQAB"), "17 bits, FIT-Connect asks for 4096"),
            ("n", json!("?"), "do not make a key"),
            ("e", json!(""), "do not make a key"),
        ] {
            let error = refused(field, value);
            assert!(error.contains(said), "{field}: {error}");
        }
        assert_eq!(jwk(&vectors, "short", "public").public(Use::Encryption).map(|_| ()), Err(KeyRefused::Size(2048)));
        let mixed: Jwk = serde_json::from_value({
            let mut key = vectors["keys"]["destination_encryption"]["private"].clone();
            key["d"] = vectors["keys"]["stranger_encryption"]["private"]["d"].clone();
            key
        })
        .expect("a key");
        assert_eq!(mixed.private(Use::Encryption).map(|_| ()).expect_err("no pair"), KeyRefused::Numbers);
        assert!(!format!("{:?}", jwk(&vectors, "short", "private")).contains("qi"), "no secret is shown");
    }
}
