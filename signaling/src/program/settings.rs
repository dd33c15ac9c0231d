//! The layers of the settings: defaults, then a file, then the environment, then flags; and what comes of them.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use sightline_server::{Certificate, Config, Documented, Limits, RelayConfig, STUN_SERVERS, Value};

use super::options::{CommandLine, Options};
use super::values::{Ask, LimitChange, Listen, ReachWord, When};

/// The settings file, where none is named: in the data folder.
const FILE: &str = "server.toml";

/// The environment's own way to give the relay's secret.
const SECRET: &str = "SIGHTLINE_RELAY_SECRET";

/// A shorter secret could be guessed by whoever has seen one pair of credentials.
const MIN_SECRET_BYTES: usize = 16;

const HTTPS_PORT: u16 = 443;
/// Where 443 is taken, or not allowed.
const HTTPS_INSTEAD: u16 = 8443;
const TURN_PORT: u16 = 3478;
/// So that clients can ask at two places what their NAT does; the number is the usual one (RFC 5780).
const SECOND_STUN_PORT: u16 = 3479;
const METRICS_PORT: u16 = 7481;

/// All that the program goes by.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the server is told, but for public addresses that are still to be found.
    pub(crate) config: Config,
    /// The file that was read, if any.
    pub(crate) file: Option<PathBuf>,
    /// Whom to ask for the public address. Empty where nobody is to be asked.
    pub(crate) ask: Vec<String>,
    /// Where to answer /metrics, if anywhere.
    pub(crate) metrics: Option<Metrics>,
    pub(crate) qr: When,
}

/// Where to answer /metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metrics {
    pub(crate) at: SocketAddr,
    /// Somebody asked for it, so that it is an error where it cannot be had.
    pub(crate) asked_for: bool,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("the settings file {} cannot be read: {error}", file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("the settings file {} is wrong: {error}", file.display())]
    Wrong { file: PathBuf, error: String },
    #[error("there is no limit `{name}` to change; {}", similar.as_ref().map_or_else(
        || "`sightline-server init --stdout` lists them".to_owned(), |similar| format!("there is `{similar}`")))]
    NoSuchLimit { name: String, similar: Option<String> },
    #[error("the limit {name} cannot be {value}: {error}")]
    BadLimit { name: String, value: String, error: String },
    #[error("a certificate needs its key: give both --cert and --key, or neither")]
    HalfACertificate,
    #[error("--domain gets a certificate, and --cert gives one: choose one of them")]
    TwoCertificates,
    #[error("--{0} is of use only with --domain, which it is about")]
    NoDomain(&'static str),
    #[error("`{0}` is not a domain name; write it as call.example.org, without https:// and without a port")]
    BadDomain(String),
    #[error("the relay's secret in {} cannot be read: {error}", file.display())]
    NoSecret { file: PathBuf, error: io::Error },
    #[error(
        "the relay's secret in {from} is shorter than {MIN_SECRET_BYTES} characters; make one with: openssl rand -hex 32"
    )]
    ShortSecret { from: String },
    #[error(
        "there is no folder for the server's data on this system; name one with --data, so that keys and links outlive \
         the program"
    )]
    NoFolder,
}

impl Settings {
    /// From everything that was said. `var` reads the environment for what is no option.
    pub(crate) fn gather(
        said: CommandLine,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let CommandLine { config, options, action: _ } = said;
        let folder = options.data.clone().or_else(|| data_folder(&var));
        let (file, from_file) = match (config, &folder) {
            (Some(file), _) => {
                let text = fs::read_to_string(&file);
                let text = text.map_err(|error| SettingsError::Unreadable { file: file.clone(), error })?;
                (Some(file), Some(text))
            }
            (None, Some(folder)) => default_file(folder)?,
            (None, None) => (None, None),
        };
        let below = match (&file, from_file) {
            (Some(file), Some(text)) => parse(&text, file)?,
            (None, _) | (_, None) => Options::default(),
        };
        let mut options = options.over(below);
        options.data = options.data.or(folder);
        Self::resolve(options, file, var(SECRET))
    }

    fn resolve(
        options: Options,
        file: Option<PathBuf>,
        secret: Option<String>,
    ) -> Result<Self, SettingsError> {
        let certificate = certificate(&options)?;
        let mut limits = options.limits.unwrap_or_default();
        for change in options.limit.iter().flatten() {
            limits = changed(&limits, change)?;
        }
        let everywhere = |wished: Option<Vec<Listen>>, ports: &[u16]| {
            let usual = || ports.iter().copied().map(Listen::Port).collect();
            Listen::everywhere(&wished.unwrap_or_else(usual))
        };
        let ranges = |ranges: Option<Vec<super::values::Range>>| {
            ranges.unwrap_or_default().into_iter().map(|range| range.0).collect()
        };
        let relay = RelayConfig {
            ports: options.relay_ports.map_or_else(|| RelayConfig::default().ports, |ports| ports.0),
            secret: relay_secret(options.relay_secret_file, secret)?,
            reach: options.reach.unwrap_or(ReachWord::Call).into(),
            allow: ranges(options.allow_peer),
            more_urls: options.turn_url.unwrap_or_default(),
        };
        let config = Config {
            http: options.http.and_then(Listen::nearby),
            https_instead: if options.https.is_none() { vec![HTTPS_INSTEAD] } else { Vec::new() },
            https: everywhere(options.https, &[HTTPS_PORT]),
            turn_udp: everywhere(options.turn_udp, &[TURN_PORT, SECOND_STUN_PORT]),
            turn_tcp: everywhere(options.turn_tcp, &[TURN_PORT]),
            public_ips: options.public_ip.unwrap_or_default().into_iter().map(|ip| ip.0).collect(),
            names: options.name.unwrap_or_default(),
            data: Some(options.data.ok_or(SettingsError::NoFolder)?),
            certificate,
            relay,
            trusted_proxies: ranges(options.trusted_proxy),
            limits,
        };
        let ask = match options.ask_stun {
            None => STUN_SERVERS.map(str::to_owned).to_vec(),
            Some(wished) => wished.into_iter().filter_map(Ask::server).collect(),
        };
        let metrics = match options.metrics {
            None => Some(Metrics { at: ([127, 0, 0, 1], METRICS_PORT).into(), asked_for: false }),
            Some(wished) => wished.nearby().map(|at| Metrics { at, asked_for: true }),
        };
        Ok(Self { config, file, ask, metrics, qr: options.qr.unwrap_or_default() })
    }
}

/// The file that is written by `init` and read without being named.
pub(crate) fn file_to_write(said: &CommandLine) -> Result<PathBuf, SettingsError> {
    let named = said.config.clone();
    let folder = || said.options.data.clone().or_else(|| data_folder(|name| env::var(name).ok()));
    named.or_else(|| folder().map(|folder| folder.join(FILE))).ok_or(SettingsError::NoFolder)
}

/// What a settings file says.
pub(crate) fn parse(text: &str, file: &Path) -> Result<Options, SettingsError> {
    // The library's own words name line and column, show the line, and list what would be right.
    toml::from_str(text).map_err(|error| SettingsError::Wrong {
        file: file.to_owned(),
        error: error.to_string().trim_end().to_owned(),
    })
}

fn default_file(folder: &Path) -> Result<(Option<PathBuf>, Option<String>), SettingsError> {
    let file = folder.join(FILE);
    match fs::read_to_string(&file) {
        Ok(text) => Ok((Some(file), Some(text))),
        // No such file, or no such folder, or a "folder" that is none: that is told when it is used.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok((None, None))
        }
        Err(error) => Err(SettingsError::Unreadable { file, error }),
    }
}

/// Where a service manager or the platform wants such things.
fn data_folder(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    // A service with several folders has them all in one variable; the first is for everything.
    let of_service = var("STATE_DIRECTORY").and_then(|all| all.split(':').next().map(PathBuf::from));
    of_service.or_else(|| {
        let own = directories::ProjectDirs::from("", "", "sightline-server");
        own.map(|own| own.data_dir().to_owned())
    })
}

fn certificate(options: &Options) -> Result<Certificate, SettingsError> {
    let about_domain = [
        ("acme-contact", options.acme_contact.is_some()),
        ("acme-directory", options.acme_directory.is_some()),
        ("acme-root", options.acme_root.is_some()),
    ];
    match (&options.domain, &options.cert, &options.key) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(SettingsError::TwoCertificates),
        (None, Some(_), None) | (None, None, Some(_)) => Err(SettingsError::HalfACertificate),
        (Some(domain), None, None) if !is_domain(domain) => Err(SettingsError::BadDomain(domain.clone())),
        (Some(domain), None, None) => Ok(Certificate::Acme {
            domain: domain.clone(),
            contact: options.acme_contact.clone(),
            directory: options.acme_directory.clone(),
            authority_root: options.acme_root.clone(),
        }),
        (None, cert, key) => {
            if let Some((name, _)) = about_domain.into_iter().find(|(_, given)| *given) {
                return Err(SettingsError::NoDomain(name));
            }
            Ok(match (cert, key) {
                (Some(chain), Some(key)) => Certificate::Files { chain: chain.clone(), key: key.clone() },
                (_, _) => Certificate::SelfSigned,
            })
        }
    }
}

/// What an authority would vouch for: at least two labels, and no address.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        && text.parse::<std::net::IpAddr>().is_err()
}

fn relay_secret(
    file: Option<PathBuf>,
    from_environment: Option<String>,
) -> Result<Option<Vec<u8>>, SettingsError> {
    let (secret, from) = match (file, from_environment) {
        (Some(file), _) => {
            let secret = fs::read_to_string(&file)
                .map_err(|error| SettingsError::NoSecret { file: file.clone(), error })?;
            (secret, file.display().to_string())
        }
        (None, Some(secret)) => (secret, SECRET.to_owned()),
        (None, None) => return Ok(None),
    };
    let secret = secret.trim().as_bytes().to_vec();
    if secret.len() < MIN_SECRET_BYTES {
        return Err(SettingsError::ShortSecret { from });
    }
    Ok(Some(secret))
}

/// The limits with one of them changed.
fn changed(limits: &Limits, change: &LimitChange) -> Result<Limits, SettingsError> {
    let LimitChange { name, value } = change;
    let mut table = as_table(&limits.documented());
    let (inner, key) = match name.split_once('.') {
        Some((group, key)) => (table.get_mut(group).and_then(toml::Value::as_table_mut), key),
        None => (Some(&mut table), name.as_str()),
    };
    let place = inner.and_then(|inner| inner.get_mut(key)).filter(|place| !place.is_table());
    let Some(place) = place else {
        return Err(SettingsError::NoSuchLimit {
            name: name.clone(),
            similar: similar(name, &limits.documented()),
        });
    };
    let refused = |error: toml::de::Error| SettingsError::BadLimit {
        name: name.clone(),
        value: value.clone(),
        error: error.message().to_owned(),
    };
    let number = value.parse().map(toml::Value::Integer);
    *place =
        number.or_else(|_| value.parse().map(toml::Value::Float)).unwrap_or(toml::Value::Float(f64::NAN));
    Limits::deserialize(toml::Value::Table(table)).map_err(refused)
}

fn as_table(fields: &[Documented]) -> toml::Table {
    let value = |value: &Value| match value {
        Value::Group(fields) => toml::Value::Table(as_table(fields)),
        Value::Number(number) => match number.parse() {
            Ok(number) => toml::Value::Integer(number),
            Err(_) => toml::Value::Float(number.parse().expect("a limit is written as a number")),
        },
    };
    fields.iter().map(|field| (field.name.clone(), value(&field.value))).collect()
}

/// A limit that may have been meant: with an underscore for a hyphen, or in the other group.
fn similar(name: &str, fields: &[Documented]) -> Option<String> {
    let wished = name.replace('_', "-");
    let last = wished.rsplit('.').next().unwrap_or_default();
    fields.iter().find_map(|field| match &field.value {
        Value::Number(_) => (field.name == last).then(|| field.name.clone()),
        Value::Group(fields) => fields
            .iter()
            .find(|inner| inner.name == last)
            .map(|inner| format!("{}.{}", field.name, inner.name)),
    })
}

impl Ask {
    fn server(self) -> Option<String> {
        match self {
            Self::Off => None,
            Self::At(server) => Some(server),
        }
    }
}

#[cfg(test)]
mod tests;
