//! The client of one registry: requests with a login where it asks for one, and answers within bounds. [`crate::transfer`] moves
//! blobs with it.
//!
//! A login and a token go to the registry itself only, and the login to its token service (`address.rs`). Redirects are
//! followed by hand for that, and only where something is read.

mod answers;
mod connection;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use petrel_model::nearest::nearest;
use petrel_model::quoted::listed;
use reqwest::header::{AUTHORIZATION, HeaderMap, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value;

use crate::address;
use crate::challenge::Challenge;
use crate::credentials::{Credential, Credentials, Found};
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::manifest::{INDEX, MANIFEST};
use crate::reference::{Reference, checked_host};
use crate::settings::{Limits, RegistrySettings, Settings};

/// The most redirects of one request.
const MOST_REDIRECTS: usize = 5;
/// The pauses before a request is repeated that the registry could not answer just then.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
/// The largest answer of a token service, in bytes.
const LARGEST_TOKEN: u64 = 64 << 10;
/// The tags that a message names.
const MOST_TAGS: usize = 10;
/// The longest token.
const LONGEST_TOKEN: usize = 32 << 10;

/// A client of one registry.
#[derive(Debug)]
pub struct Registry {
    pub(crate) base: Url,
    pub(crate) limits: Limits,
    settings: RegistrySettings,
    http: reqwest::Client,
    /// The client for what is sent: a registry is silent until it has all of it.
    sender: reqwest::Client,
    credentials: Credentials,
    /// A login that is used in place of those that are found.
    given: Option<Found>,
    /// The values of the header with the authorization, by what they are good for.
    authorizations: Mutex<BTreeMap<String, String>>,
    /// The token service that was not sent the login, whatever it gave without one.
    withheld_from: Mutex<Option<String>>,
}

/// What a registry said when it was asked for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The URL.
    pub url: String,
    /// Where the login was found that it accepted; none if it asked for none.
    pub login: Option<String>,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The repository, empty for the registry as a whole, and whether something is written there.
    pub(crate) repository: &'a str,
    pub(crate) writes: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

impl<'a> Ask<'a> {
    /// A request to read something.
    pub(crate) fn read(url: Url, repository: &'a str) -> Self {
        Self { method: Method::GET, url, repository, writes: false, headers: HeaderMap::new(), body: None }
    }

    /// What a token must be good for.
    fn scope(&self) -> String {
        match (self.repository, self.writes) {
            ("", _) => String::new(),
            (repository, false) => format!("repository:{repository}:pull"),
            (repository, true) => format!("repository:{repository}:pull,push"),
        }
    }
}

impl Registry {
    /// A client of the registry `host`. Nothing is sent yet.
    ///
    /// # Errors
    /// When its settings cannot be used.
    pub fn open(host: &str, settings: &Settings, credentials: &Credentials) -> Result<Self, Error> {
        // An error means that a provider is installed already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        checked_host(host)?;
        let of_host = settings.of(host);
        let unusable = |error: String| {
            let message = format!("no connection to the registry {host} can be made: {error}");
            Error::new(Kind::Usage, message, format!("see to [registries.\"{host}\"] of the configuration"))
        };
        let base = Url::parse(&of_host.base()).map_err(|error| unusable(error.to_string()))?;
        let made = |silence| connection::client(&of_host, &base, settings.limits.silence, silence);
        let http = made(Some(settings.limits.silence)).map_err(unusable)?;
        let sender = made(None).map_err(unusable)?;
        Ok(Self {
            base,
            limits: settings.limits,
            settings: of_host,
            http,
            sender,
            credentials: credentials.clone(),
            given: None,
            authorizations: Mutex::default(),
            withheld_from: Mutex::default(),
        })
    }

    /// The same client with a login that was just typed.
    #[must_use]
    pub fn with_login(self, user: &str, secret: &str) -> Self {
        let credential = Credential::Password { user: user.to_owned(), secret: secret.to_owned() };
        Self { given: Some(Found { credential, origin: "the command line".to_owned() }), ..self }
    }

    /// The name of the registry.
    pub fn host(&self) -> &str {
        &self.settings.host
    }

    /// Asks for nothing but whether the registry is there and accepts the login.
    ///
    /// # Errors
    /// When it does not answer as a registry, or wants another login.
    pub async fn ping(&self) -> Result<Ping, Error> {
        let response = self.send(&Ask::read(self.url("/v2/")?, "")).await?;
        if response.status() == StatusCode::NOT_FOUND {
            let message =
                format!("{} answers, but is no registry: it has nothing at {}v2/", self.host(), self.base);
            return Err(Error::new(Kind::NotFound, message, "check the host and its port"));
        }
        self.checked(response, "any access").await?;
        if let Some(service) = self.withheld_from() {
            return Err(self.withheld(&service));
        }
        let has_logged_in = !self.authorizations().is_empty();
        let login = if has_logged_in { self.login().await.map(|found| found.origin) } else { None };
        Ok(Ping { url: self.base.to_string(), login })
    }

    /// The manifest of an artifact, as it came. Its digest is compared with the one in the reference, or with the one that the
    /// registry says.
    ///
    /// # Errors
    /// When there is none, it is too large, or has another digest.
    pub async fn manifest(&self, reference: &Reference) -> Result<Bytes, Error> {
        match self.manifest_if_any(reference).await? {
            Some(manifest) => Ok(manifest),
            None => Err(self.no_such(reference).await),
        }
    }

    /// The manifest of an artifact, if there is one.
    ///
    /// # Errors
    /// As [`manifest`](Self::manifest), but for one that is not there.
    pub async fn manifest_if_any(&self, reference: &Reference) -> Result<Option<Bytes>, Error> {
        let target = reference.target();
        let url = self.url(&format!("/v2/{}/manifests/{target}", reference.repository))?;
        let mut ask = Ask::read(url, &reference.repository);
        for kind in [MANIFEST, INDEX] {
            ask.headers.append(reqwest::header::ACCEPT, reqwest::header::HeaderValue::from_static(kind));
        }
        let response = self.send(&ask).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = self.checked(response, &reference.to_string()).await?;
        let said = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        let said = said.and_then(|digest| digest.parse::<Digest>().ok());
        let bytes = self.bounded(response, self.limits.manifest, &reference.to_string()).await?;
        let found = Digest::of(&bytes);
        match reference.digest.clone().or(said) {
            Some(expected) if expected != found => {
                Err(self.other_digest(&reference.to_string(), &expected, &found))
            }
            _ => Ok(Some(bytes)),
        }
    }

    /// The error for an artifact that is not there, with the tags that are.
    async fn no_such(&self, reference: &Reference) -> Error {
        let message = format!("{reference} does not exist");
        let tags = self.tags(&reference.repository).await.unwrap_or_default();
        let near = reference.tag.as_deref().and_then(|tag| nearest(tag, tags.iter().map(String::as_str)));
        let hint = match near {
            Some(near) => format!("did you mean {}?", reference.with_tag(near)),
            None if tags.is_empty() => "check the path; `petrel pack push` puts a pack there".to_owned(),
            None => format!("there are the tags {}", listed(tags.iter().map(String::as_str), MOST_TAGS)),
        };
        Error::new(Kind::NotFound, message, hint)
    }

    /// A URL of the registry.
    pub(crate) fn url(&self, path: &str) -> Result<Url, Error> {
        self.base
            .join(path)
            .map_err(|error| Error::new(Kind::Usage, format!("`{path}`: {error}"), "check the reference"))
    }

    /// Sends a request, with a login if the registry asks for one.
    pub(crate) async fn send(&self, ask: &Ask<'_>) -> Result<Response, Error> {
        let (mut response, is_ours) = self.sent(ask).await?;
        if response.status() == StatusCode::UNAUTHORIZED && is_ours {
            let values = response.headers().get_all(WWW_AUTHENTICATE);
            let challenge = Challenge::of(values.iter().filter_map(|value| value.to_str().ok()));
            // There are registries that say nothing but at `/v2/`, and want name and password.
            let is_silent = values.iter().next().is_none();
            let challenge = challenge.or_else(|| is_silent.then_some(Challenge::Basic));
            self.authorize(challenge, &ask.scope()).await?;
            response = self.sent(ask).await?.0;
        }
        Ok(response)
    }

    /// Sends a request, again after a while if that was just not the time.
    async fn sent(&self, ask: &Ask<'_>) -> Result<(Response, bool), Error> {
        for pause in PAUSES {
            let (response, is_ours) = self.followed(ask).await?;
            let is_busy = matches!(response.status().as_u16(), 429 | 502 | 503 | 504);
            if !is_busy || ask.body.is_some() {
                return Ok((response, is_ours));
            }
            tokio::time::sleep(pause).await;
        }
        self.followed(ask).await
    }

    /// Sends a request and follows redirects. Returns whether the answer is the registry's own.
    async fn followed(&self, ask: &Ask<'_>) -> Result<(Response, bool), Error> {
        let (mut url, mut is_ours) = (ask.url.clone(), true);
        let scope = ask.scope();
        for _ in 0..=MOST_REDIRECTS {
            let http = if ask.body.is_some() { &self.sender } else { &self.http };
            let mut request = http.request(ask.method.clone(), url.clone()).headers(ask.headers.clone());
            let authorization = self.authorizations().get(&scope).cloned();
            if let Some(value) = authorization.filter(|_| is_ours) {
                request = request.header(AUTHORIZATION, value);
            }
            if let Some(body) = &ask.body {
                request = request.body(body.clone()).timeout(self.limits.patience(body.len() as u64));
            }
            let response = request.send().await.map_err(|error| self.failed(&error))?;
            let may_follow = ask.method == Method::GET || ask.method == Method::HEAD;
            if !(response.status().is_redirection() && may_follow) {
                return Ok((response, is_ours));
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location else { return Ok((response, is_ours)) };
            let (next, is_still_ours) = address::redirected(&self.base, &url, location)?;
            // What has left once has no authorization on its way back either.
            (url, is_ours) = (next, is_ours && is_still_ours);
        }
        let message = format!("the registry {} redirects without end", self.host());
        Err(Error::refused(message, "tell whoever runs the registry"))
    }

    fn authorizations(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.authorizations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token service that was not sent the login, if there is one.
    fn withheld_from(&self) -> Option<String> {
        self.withheld_from.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The login for this registry.
    async fn login(&self) -> Option<Found> {
        match &self.given {
            Some(found) => Some(found.clone()),
            None => self.credentials.find(self.host()).await,
        }
    }

    /// Gets the authorization that the registry asks for.
    async fn authorize(&self, challenge: Option<Challenge>, scope: &str) -> Result<(), Error> {
        let login = self.login().await;
        let value = match challenge {
            Some(Challenge::Bearer { realm, service, scope: asked }) => {
                let (url, may_have) = address::token_service(&self.base, &realm, &self.settings)?;
                let withheld = login.is_some() && !may_have;
                let credential = login.map(|found| found.credential).filter(|_| may_have);
                // The scope of what is done, and not what the registry would like to have a token for.
                let scope = if scope.is_empty() { asked.unwrap_or_default() } else { scope.to_owned() };
                let host = url.host_str().unwrap_or_default().to_owned();
                if withheld {
                    *self.withheld_from.lock().unwrap_or_else(PoisonError::into_inner) = Some(host.clone());
                }
                let token = self.token(url, service.as_deref(), &scope, credential).await;
                let token = token.map_err(|error| if withheld { self.withheld(&host) } else { error })?;
                format!("Bearer {token}")
            }
            Some(Challenge::Basic) => match login.map(|found| found.credential) {
                Some(Credential::Password { user, secret }) => {
                    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
                }
                Some(Credential::Identity(_)) | None => return Err(self.no_login()),
            },
            None => return Err(self.no_login()),
        };
        self.authorizations().insert(scope.to_owned(), value);
        Ok(())
    }

    /// A token from the token service.
    async fn token(
        &self,
        mut url: Url,
        service: Option<&str>,
        scope: &str,
        credential: Option<Credential>,
    ) -> Result<String, Error> {
        let mut fields: Vec<(&str, &str)> = service.map(|service| ("service", service)).into_iter().collect();
        if !scope.is_empty() {
            fields.push(("scope", scope));
        }
        let request = match &credential {
            Some(Credential::Identity(token)) => {
                fields.extend([
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", "petrel"),
                ]);
                let form = Url::parse_with_params("http://form", &fields).ok();
                let form = form.as_ref().and_then(Url::query).unwrap_or_default().to_owned();
                self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form)
            }
            other => {
                url.query_pairs_mut().extend_pairs(&fields);
                let request = self.http.get(url);
                match other {
                    Some(Credential::Password { user, secret }) => request.basic_auth(user, Some(secret)),
                    _ => request,
                }
            }
        };
        let response = request.send().await.map_err(|error| self.failed(&error))?;
        let response = self.checked(response, "its token service").await?;
        let answer = self.bounded(response, LARGEST_TOKEN, "the answer of its token service").await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let token = ["token", "access_token"].iter().find_map(|key| answer.get(*key).and_then(Value::as_str));
        let is_plain = |token: &&str| {
            token.len() <= LONGEST_TOKEN && token.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
        };
        let token = token.filter(is_plain).map(str::to_owned);
        token.ok_or_else(|| {
            let message = format!("the token service of the registry {} gives no token", self.host());
            Error::new(Kind::Unreachable, message, "tell whoever runs the registry")
        })
    }
}
