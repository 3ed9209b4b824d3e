//! `petrel pack versions`, `activate` and `rollback`: the versions of a pack that are installed side by side, of which one is active.
//! What runs goes on with the files of its own version.

use clap::Args;
use petrel_model::nearest::nearest;
use petrel_model::quoted::{listed, quoted};
use petrel_registry::{Digest, Lock, Locked};
use serde_json::{Value, json};

use super::super::session::Session;
use super::active;
use super::installed::{Installed, Kept};
use super::outcome::tell_registration;
use super::trusted::{self, Accepted};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, mebibytes};

/// The versions that a message names.
const MOST_NAMED: usize = 10;
/// The least digits of a digest that name a version.
const LEAST_DIGITS: usize = 6;

/// The arguments of `petrel pack activate`.
#[derive(Debug, Args)]
pub(crate) struct Activate {
    /// The pack
    pack: String,
    /// The version, or the digest of its artifact, of which the first digits are enough
    version: String,
    /// Grant what it asks for, apart from directories
    #[arg(long)]
    grant: bool,
}

/// The arguments of `petrel pack rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The pack
    pack: String,
    /// Grant what it asks for, apart from directories
    #[arg(long)]
    grant: bool,
}

/// Lists the versions of a pack.
pub(super) async fn list(session: &Session, pack: &str) -> Result<Code, Failure> {
    let registries = Registries::of_machine()?;
    let versions = Installed::open(&registries.data_dir)?.versions(pack);
    if versions.is_empty() {
        return Err(none_of(pack));
    }
    let active = active::active_path(session, pack).await?;
    let rows: Vec<_> = versions.iter().rev().map(|version| shown(version, active.as_deref())).collect();
    match session.form {
        Form::Json => print::json(&Value::Array(rows)),
        Form::Text => rows.iter().for_each(|row| print::line(&line(row))),
    }
    Ok(Code::Ok)
}

fn shown(version: &Kept, active: Option<&str>) -> Value {
    let Locked { version: number, reference, digest, signature, .. } = &version.locked;
    json!({
        "version": number,
        "digest": digest,
        "active": active.is_some_and(|path| version.path.to_str() == Some(path)),
        "signature": signature,
        "reference": reference,
        "size": version.size(),
    })
}

fn line(row: &Value) -> String {
    let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
    let mark = if row.get("active") == Some(&Value::Bool(true)) { '*' } else { ' ' };
    let digest = text("digest").split(':').next_back().unwrap_or_default();
    let digest = digest.get(..12).unwrap_or(digest);
    let signature = match text("signature") {
        "" => "not looked at",
        signature => signature,
    };
    let size = mebibytes(row.get("size").and_then(Value::as_u64).unwrap_or_default());
    format!("{mark} {}  {digest}  {signature}  {size}  {}", text("version"), text("reference"))
        .trim_end()
        .to_owned()
}

impl Activate {
    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let registries = Registries::of_machine()?;
        let installed = Installed::open(&registries.data_dir)?;
        let wanted = chosen(&installed.versions(&self.pack), &self.pack, &self.version)?;
        make_active(session, &registries, &installed, wanted, self.grant).await
    }
}

impl Rollback {
    pub(super) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let registries = Registries::of_machine()?;
        let installed = Installed::open(&registries.data_dir)?;
        let versions = installed.versions(&self.pack);
        if versions.is_empty() {
            return Err(none_of(&self.pack));
        }
        let active = active::active_path(session, &self.pack).await?;
        let history = installed.history(&self.pack);
        let wanted = before(&versions, &history, active.as_deref()).ok_or_else(|| {
            let message =
                format!("no version of {} was active before the present one, or it is gone", self.pack);
            Failure::new(
                Code::NotFound,
                "not_found",
                message,
                "`petrel pack versions PACK` lists those that are here",
            )
        })?;
        make_active(session, &registries, &installed, wanted, self.grant).await
    }
}

async fn make_active(
    session: &Session,
    registries: &Registries,
    installed: &Installed,
    wanted: Locked,
    grant: bool,
) -> Result<Code, Failure> {
    let wanted = gone_back(&registries.lock()?, wanted);
    trusted::refuse_unverified(registries, &Accepted::default(), &wanted)?;
    let told = format!("{} {} is active", wanted.name, wanted.version);
    let answer = active::activate(session, registries, installed, wanted, grant).await?;
    tell_registration(session.form, &answer)?;
    if session.form == Form::Text {
        print::note(&told);
    }
    Ok(Code::Ok)
}

/// A version that is here, as the lock will have it in place of the present one.
pub(super) fn gone_back(lock: &Lock, wanted: Locked) -> Locked {
    // Of a version from before there were records, the lock knows more.
    let known = lock.of_pack(&wanted.name);
    let wanted = known.filter(|known| known.digest == wanted.digest).cloned().unwrap_or(wanted);
    // Where this one has no key, the next versions go on needing that of the present one.
    let key = wanted.key.clone().or_else(|| known.and_then(|known| known.key.clone()));
    Locked { key, ..wanted }
}

/// The version that was active last of those that are not.
fn before(versions: &[Kept], history: &[Digest], active: Option<&str>) -> Option<Locked> {
    let is_other = |version: &&Kept| version.path.to_str() != active;
    let was_active = |version: &&Kept| history.contains(&version.locked.digest);
    versions.iter().rev().filter(is_other).find(was_active).map(|version| version.locked.clone())
}

/// The version that somebody names.
fn chosen(versions: &[Kept], pack: &str, wanted: &str) -> Result<Locked, Failure> {
    let digits = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let is_named = |version: &&Kept| {
        let by_digest = digits.len() >= LEAST_DIGITS && version.locked.digest.hex().starts_with(digits);
        version.locked.version == wanted || by_digest
    };
    let mut found = versions.iter().filter(is_named);
    match (found.next(), found.count()) {
        (Some(one), 0) => Ok(one.locked.clone()),
        (Some(_), _) => {
            let message = format!("several versions of {pack} are named {}", quoted(wanted));
            Err(Failure::usage(message, "name one by its digest, as `petrel pack versions PACK` lists them"))
        }
        (None, _) if versions.is_empty() => Err(none_of(pack)),
        (None, _) => {
            let names = || versions.iter().map(|version| version.locked.version.as_str());
            let hint = match nearest(wanted, names()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!(
                    "there are {}; `petrel pack install REF` installs others",
                    listed(names(), MOST_NAMED)
                ),
            };
            let message = format!("no version {} of {pack} is installed", quoted(wanted));
            Err(Failure::new(Code::NotFound, "not_found", message, hint))
        }
    }
}

fn none_of(pack: &str) -> Failure {
    let message = format!("no version of {} was installed from a registry or a file here", quoted(pack));
    Failure::new(
        Code::NotFound,
        "not_found",
        message,
        "`petrel pack install REF` installs one; a pack in a directory has the one version that its files are",
    )
}

#[cfg(test)]
mod tests {
    use petrel_registry::PrivateKey;

    use super::*;

    fn kept(version: &str, content: &str) -> Kept {
        let digest = Digest::of(content.as_bytes());
        let locked = Locked {
            name: "mine".into(),
            version: version.into(),
            reference: String::new(),
            resolved: String::new(),
            digest,
            native: false,
            signature: None,
            key: None,
        };
        Kept { path: format!("/{content}").into(), locked }
    }

    #[test]
    fn a_version_goes_by_its_number_or_the_digits_of_its_digest() {
        let versions = [kept("1.0.0", "a"), kept("1.1.0", "b"), kept("1.1.0", "c")];
        let digest = versions[2].locked.digest.clone();
        for (wanted, expected) in [
            ("1.0.0", Ok("/a")),
            (digest.short(), Ok("/c")),
            (&digest.to_string(), Ok("/c")),
            ("1.1.0", Err("by its digest")),
            ("1.0.1", Err("did you mean 1.0.0?")),
            ("nothing", Err("there are 1.0.0, 1.1.0")),
            (&digest.hex()[..5], Err("there are")),
        ] {
            match (chosen(&versions, "mine", wanted), expected) {
                (Ok(found), Ok(path)) => {
                    let found = versions.iter().find(|version| version.locked == found).unwrap();
                    assert_eq!(found.path.to_str(), Some(path), "{wanted}");
                }
                (Err(failure), Err(says)) => assert!(failure.to_string().contains(says), "{failure}"),
                (found, _) => panic!("{wanted}: {found:?}"),
            }
        }
        assert!(chosen(&[], "mine", "1.0.0").unwrap_err().message.contains("no version of mine"));
    }

    #[test]
    fn the_version_before_is_the_last_one_that_was_active() {
        let versions = [kept("3.0.0", "c"), kept("1.0.0", "a"), kept("2.0.0", "b")];
        let digests = |contents: &[&str]| -> Vec<Digest> {
            contents.iter().map(|content| Digest::of(content.as_bytes())).collect()
        };
        for (history, active, expected) in [
            (&["a", "b"][..], Some("/b"), Some("1.0.0")),
            (&["a", "b"], Some("/a"), Some("2.0.0")),
            (&["a", "b"], None, Some("2.0.0")),
            (&["b"], Some("/b"), None),
            (&[], Some("/b"), None),
        ] {
            let found = before(&versions, &digests(history), active);
            assert_eq!(found.map(|found| found.version).as_deref(), expected, "{history:?} {active:?}");
        }
    }

    #[test]
    fn who_goes_back_keeps_the_key_that_is_needed() {
        let key = PrivateKey::made().unwrap().public();
        let (old, new) = (kept("1.0.0", "a").locked, kept("1.1.0", "b").locked);
        let mut lock = Lock::default();
        assert_eq!(gone_back(&lock, old.clone()), old);
        lock.put(Locked { key: Some(key.clone()), ..new.clone() });
        assert_eq!(gone_back(&lock, old.clone()), Locked { key: Some(key.clone()), ..old });
        // Of the same, the lock knows more.
        assert_eq!(gone_back(&lock, new.clone()), Locked { key: Some(key), ..new });
    }

    #[test]
    fn a_version_is_a_line_with_a_mark_for_the_active_one() {
        let version = kept("1.0.0", "a");
        let digits = version.locked.digest.short().to_owned();
        for (active, mark) in [(Some("/a"), '*'), (Some("/b"), ' '), (None, ' ')] {
            let expected = format!("{mark} 1.0.0  {digits}  not looked at  0 KiB");
            assert_eq!(line(&shown(&version, active)), expected);
        }
    }
}
