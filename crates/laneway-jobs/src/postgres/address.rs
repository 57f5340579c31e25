//! Where a database is, and how a connection to it is opened.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use laneway::time::timeout;
use laneway::{Handle, Priority};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::connect_error::ConnectError;
use super::failure::in_words;
use super::host;
use super::messages::Messages;
use super::security::Security;
use super::serving::{Driver, Serving};
use super::tls::Tls;
use super::url::{Url, encoded};

/// One attempt at one host takes no longer, unless the address says something else.
const ATTEMPT: Duration = Duration::from_secs(5);
const PORT: u16 = 5432;
/// The schema of an address that names none.
pub(super) const DEFAULT_SCHEMA: &str = "laneway";

/// The place of a database, the user that connects to it, and the runtime that serves the
/// connections.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    tls: Tls,
    runtime: Option<Handle>,
}

impl fmt::Debug for Address {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl fmt::Display for Address {
    /// The hosts and their ports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.hosts().map(|(host, port)| host::in_words(host, port));
        f.write_str(&hosts.collect::<Vec<_>>().join(", "))
    }
}

/// Why one attempt failed.
pub(super) enum Attempt {
    /// The next one may succeed.
    Again(String),
    Refused(ConnectError),
}

impl Address {
    /// The address, and the schema that it names.
    pub(super) fn parse(
        url: &str,
        runtime: Option<Handle>,
    ) -> Result<(Address, Option<String>), ConnectError> {
        let url = Url::read(url)?;
        let security = Security::read(url.ssl_mode.as_deref(), url.ssl_root_cert)?;
        let mut config: Config = url
            .rest
            .parse()
            .map_err(|error| ConnectError::Url(in_words(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(ConnectError::Url("it names no host".to_owned()));
        }
        if security.is_required() && config.get_hosts().iter().any(host::is_folder) {
            let message = "TLS is for hosts of the network; leave sslmode out for a folder";
            return Err(ConnectError::Url(message.to_owned()));
        }
        config.ssl_mode(security.mode);
        let address = Address {
            tls: Tls::new(&security)?,
            config,
            runtime,
        };
        Ok((address, url.schema))
    }

    /// As the store of a schema can be named to people: without the user and the password.
    pub(super) fn url(&self, schema: &str) -> String {
        let hosts: Vec<String> = self
            .hosts()
            .map(|(host, port)| host::in_url(host, port))
            .collect();
        let user = self.config.get_user();
        let database = self.config.get_dbname().or(user).unwrap_or_default();
        let schema = match schema {
            DEFAULT_SCHEMA => String::new(),
            schema => format!("?schema={}", encoded(schema)),
        };
        format!(
            "postgres://{}/{}{schema}",
            hosts.join(","),
            encoded(database)
        )
    }

    fn hosts(&self) -> impl Iterator<Item = (&Host, u16)> {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate();
        // One port stands for all hosts.
        hosts.map(|(place, host)| {
            let port = ports.get(place).or(ports.first());
            (host, port.copied().unwrap_or(PORT))
        })
    }

    /// A client, and what has to be polled along with it.
    ///
    /// `retire` is called when the runtime whose task serves the connection begins to shut down.
    pub(super) async fn open(
        &self,
        retire: impl FnOnce() + Send + Unpin + 'static,
    ) -> Result<(Client, Driver), Attempt> {
        let (client, messages) = self.open_at_any().await?;
        Ok((client, self.serve(messages, retire)))
    }

    /// At the first host that answers.
    pub(super) async fn open_at_any(&self) -> Result<(Client, Messages), Attempt> {
        let mut last = Attempt::Again("the address names no host".to_owned());
        for (host, port) in self.hosts() {
            match self.open_at(host, port).await {
                Ok(opened) => return Ok(opened),
                Err(attempt) => last = attempt,
            }
        }
        Err(last)
    }

    async fn open_at(&self, host: &Host, port: u16) -> Result<(Client, Messages), Attempt> {
        let limit = self.config.get_connect_timeout().copied();
        let opened = timeout(limit.unwrap_or(ATTEMPT), async {
            let socket = host::open(host, port).await;
            let socket = socket.map_err(|error| Attempt::Again(error.to_string()))?;
            let mut config = self.config.clone();
            if host::is_folder(host) {
                config.ssl_mode(SslMode::Disable);
            }
            let connected = self.tls.connect(&config, socket, &host::name(host)).await;
            connected.map_err(|error| self.refusal(&error))
        });
        let opened = opened.await;
        opened.map_err(|_| Attempt::Again("it did not answer in time".to_owned()))?
    }

    /// Gives the connection to the high queue. A runtime that has ended gives it back: then each
    /// operation of the client polls it, so that what the last tasks settle is still written.
    fn serve(&self, messages: Messages, retire: impl FnOnce() + Send + Unpin + 'static) -> Driver {
        let serving = Serving::new(messages.serve(), retire);
        let Some(runtime) = self.runtime.clone().or_else(Handle::try_current) else {
            return Driver::Operations(serving.into_connection());
        };
        match runtime.try_spawn(serving, Priority::High) {
            Ok(task) => {
                task.detach();
                Driver::Task
            }
            Err(refused) => Driver::Operations(refused.into_future().into_connection()),
        }
    }

    fn refusal(&self, error: &tokio_postgres::Error) -> Attempt {
        let message = in_words(error);
        let user = self.config.get_user().unwrap_or_default().to_owned();
        let refused = match error.code() {
            Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
                ConnectError::Refused { user, message }
            }
            Some(&SqlState::INVALID_CATALOG_NAME) => {
                let name = self.config.get_dbname().unwrap_or(&user);
                ConnectError::NoDatabase(name.to_owned())
            }
            Some(
                &SqlState::CANNOT_CONNECT_NOW
                | &SqlState::TOO_MANY_CONNECTIONS
                | &SqlState::ADMIN_SHUTDOWN
                | &SqlState::CRASH_SHUTDOWN,
            ) => return Attempt::Again(message),
            Some(_) => ConnectError::Other(message),
            None if is_of_tls(error) => ConnectError::Tls {
                server: self.to_string(),
                message,
            },
            None if self.config.get_password().is_none() && message.contains("password") => {
                ConnectError::Refused { user, message }
            }
            None => return Attempt::Again(message),
        };
        Attempt::Refused(refused)
    }
}

/// Whether TLS did not come about, and will not at the next attempt.
fn is_of_tls(error: &tokio_postgres::Error) -> bool {
    let lost = |source: &io::Error| source.kind() != io::ErrorKind::InvalidData;
    let source = error.source();
    let lost = source.and_then(|source| source.downcast_ref().map(lost));
    lost != Some(true)
        && error
            .to_string()
            .starts_with("error performing TLS handshake")
}
