//! Talks to a running host. Every failure says what to do about it and which exit code it means.

use std::path::{Path, PathBuf};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::config::DEFAULT_LISTEN;
use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::logins;

/// A host to talk to.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    credential: Option<Credential>,
}

/// What the client signs its requests with: a header and its value.
type Credential = (&'static str, String);

const TOKEN: &str = "x-auth-token";
const API_KEY: &str = "st2-api-key";

/// Where the host is, and who we are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Connection {
    /// Where the host is [default: the one on this machine, port 9101]
    #[arg(long, global = true, env = "PETREL_URL", value_name = "URL", help_heading = "Connection")]
    pub(crate) url: Option<String>,

    /// The token to sign in with [default: that of `petrel login`, else the file admin-token in the data directory]
    #[arg(
        long,
        global = true,
        env = "PETREL_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) token: Option<String>,

    /// The API key to sign in with, in place of a token
    #[arg(
        long,
        global = true,
        env = "PETREL_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        help_heading = "Connection"
    )]
    pub(crate) api_key: Option<String>,

    /// Certificates in PEM to trust beside those of this machine.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help = "Certificates in PEM to trust beside those of this machine [env: SSL_CERT_FILE]",
        help_heading = "Connection"
    )]
    pub(crate) ca_file: Option<PathBuf>,
}

impl Connection {
    /// What to sign in with at `url`: what was given; else what signing in there has given; else, on this
    /// machine, the admin's token.
    fn credential(&self, url: &str) -> Option<Credential> {
        let given = |text: &Option<String>| {
            text.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let given = given(&self.token)
            .map(|token| (TOKEN, token))
            .or_else(|| given(&self.api_key).map(|key| (API_KEY, key)));
        given
            .or_else(|| logins::token(url).map(|token| (TOKEN, token)))
            .or_else(|| admin_token(url).map(|token| (TOKEN, token)))
    }
}

/// The token in the data directory. It is not for hosts elsewhere, unless the directory was named.
fn admin_token(url: &str) -> Option<String> {
    let named = std::env::var_os("PETREL_DATA_DIR").map(PathBuf::from);
    if named.is_none() && !is_here(url) {
        return None;
    }
    let data_dir = named.unwrap_or_else(data_directory::default);
    let token = std::fs::read_to_string(data_directory::token_file(&data_dir)).ok()?;
    Some(token.trim().to_owned())
}

/// Whether `url` leads to this machine.
fn is_here(url: &str) -> bool {
    let host = reqwest::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

/// The certificates in `file`.
fn trusted(file: &Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let failed = |why: String| {
        Failure::usage(
            format!("the certificates {} cannot be read: {why}", file.display()),
            "check --ca-file or SSL_CERT_FILE",
        )
    };
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("there is none in it".into())) } else { Ok(found) }
}

impl Client {
    /// A client for the host that `connection` names, or the one on this machine.
    pub(crate) fn new(connection: &Connection) -> Result<Self, Failure> {
        // An error means that a provider is there already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let url = connection.url.clone().unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}"));
        let url = url.trim_end_matches('/').to_owned();
        let mut builder = reqwest::Client::builder();
        // Not read by clap: a variable that is set on many machines is no sign that something was asked for.
        let of_machine =
            || std::env::var_os("SSL_CERT_FILE").filter(|file| !file.is_empty()).map(PathBuf::from);
        let ca_file = connection.ca_file.clone().or_else(of_machine);
        if let Some(file) = ca_file.filter(|_| url.starts_with("https:")) {
            builder = builder.tls_certs_merge(trusted(&file)?);
        }
        let http = builder.build().map_err(|error| {
            Failure::new(Code::Server, "client", format!("no connection can be made: {error}"), "")
        })?;
        let credential = connection.credential(&url);
        Ok(Self { http, url, credential })
    }

    /// Where the host is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A token for a name and a password.
    pub(crate) async fn sign_in(
        &self,
        user: &str,
        password: &str,
        ttl: Option<u64>,
    ) -> Result<Value, Failure> {
        let body = ttl.map_or_else(|| json!({}), |ttl| json!({"ttl": ttl}));
        let request = self.http.post(format!("{}/auth/v1/tokens", self.url)).basic_auth(user, Some(password));
        self.answered(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// Takes `token` back. That it is worth nothing already is as good.
    pub(crate) async fn sign_out(&self, token: &str) -> Result<(), Failure> {
        let request = self.http.delete(format!("{}/auth/v1/tokens", self.url)).header(TOKEN, token);
        match self.answered(request).await {
            Err(failure) if failure.code != Code::Unauthorized => Err(failure),
            _ => Ok(()),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::GET, path, None).await
    }

    /// The text of an answer, as it is.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Failure> {
        let response =
            self.request(Method::GET, path).send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return Ok(text);
        }
        Err(refused(status, &serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// An answer of any length, given to `take` part by part.
    pub(crate) async fn download(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let sent = self.request(Method::GET, path).send().await;
        let mut response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if !status.is_success() {
            let text = response.text().await.map_err(|error| self.unreachable(&error))?;
            return Err(refused(status, &serde_json::from_str(&text).unwrap_or(Value::String(text))));
        }
        loop {
            match response.chunk().await {
                Ok(Some(part)) => take(&part)?,
                Ok(None) => return Ok(()),
                Err(error) => {
                    let message = format!("{} broke off before the end: {}", self.url, cause(&error));
                    let hint = "the log of the host says why; try again";
                    return Err(Failure::new(Code::Server, "cut_short", message, hint));
                }
            }
        }
    }

    /// A request below `/api/v1`, signed.
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        match &self.credential {
            Some((header, secret)) => request.header(*header, secret),
            None => request,
        }
    }

    /// Sends a body of JSON.
    pub(crate) async fn send_json(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(method, path, Some(("application/json", body.to_string()))).await
    }

    /// Sends a body of YAML, as it was written.
    pub(crate) async fn send_yaml(&self, method: Method, path: &str, body: String) -> Result<Value, Failure> {
        self.send(method, path, Some(("application/yaml", body))).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.send(Method::DELETE, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<(&str, String)>) -> Result<Value, Failure> {
        let mut request = self.request(method, path);
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        self.answered(request).await
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        // An object that is nothing but an error is one, whatever the status: StackStorm answers so.
        if status.is_success() && value.get("faultstring").is_none() {
            return Ok(value);
        }
        Err(refused(status, &value))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let message = format!("no host answers at {}: {}", self.url, cause(error));
        let hint = if message.contains("certificate") {
            "name the certificate of its issuer with --ca-file, or correct the name in --url"
        } else {
            "start one with `petrel serve`, or say where it is with --url"
        };
        Failure::new(Code::Server, "unreachable", message, hint)
    }
}

/// What is behind an error.
fn cause(error: &reqwest::Error) -> &dyn std::error::Error {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

fn refused(status: StatusCode, answer: &Value) -> Failure {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            Code::Unauthorized
        }
        StatusCode::CONFLICT => Code::Conflict,
        status if status.is_success() => Code::Conflict,
        status if status.is_client_error() => Code::Usage,
        _ => Code::Server,
    };
    let message = match text("faultstring") {
        message if message.is_empty() => format!("the host answered {status}"),
        message => message,
    };
    Failure { code, kind: text("code"), message, hint: text("hint") }
}

#[cfg(test)]
mod tests {
    use super::is_here;

    #[test]
    fn only_hosts_on_this_machine_get_its_token() {
        for url in ["http://127.0.0.1:9101", "https://localhost:9101", "http://[::1]:80"] {
            assert!(is_here(url), "{url}");
        }
        for url in
            ["http://10.0.0.1:9101", "https://localhost.example.com", "http://[fe80::1]:80", "nonsense"]
        {
            assert!(!is_here(url), "{url}");
        }
    }
}
