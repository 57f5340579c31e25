//! Where a database is, and how a connection to it is opened.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use laneway::time::timeout;
use laneway::{Handle, Priority};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::connect_error::ConnectError;
use super::failure::in_words;
use super::host;
use super::serving::{Driver, Serving};

/// One attempt at one host takes no longer, unless the address says something else.
const ATTEMPT: Duration = Duration::from_secs(5);
const PORT: u16 = 5432;

/// Where a database is, who connects to it, and whose tasks serve the connections.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
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
    pub(super) fn parse(url: &str, runtime: Option<Handle>) -> Result<Address, ConnectError> {
        let config: Config = url
            .parse()
            .map_err(|error| ConnectError::Url(in_words(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(ConnectError::Url("it names no host".to_owned()));
        }
        if config.get_ssl_mode() == SslMode::Require {
            return Err(ConnectError::TlsMissing);
        }
        Ok(Address { config, runtime })
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

    /// A client, and what has to be polled along with it, by the first host that answers.
    ///
    /// `retire` is called when the runtime whose task serves the connection begins to shut down.
    pub(super) async fn open(
        &self,
        retire: impl FnOnce() + Send + Unpin + 'static,
    ) -> Result<(Client, Driver), Attempt> {
        let mut last = Attempt::Again("the address names no host".to_owned());
        for (host, port) in self.hosts() {
            match self.open_at(host, port).await {
                Ok((client, connection)) => return Ok((client, self.serve(connection, retire))),
                Err(attempt) => last = attempt,
            }
        }
        Err(last)
    }

    async fn open_at(
        &self,
        host: &Host,
        port: u16,
    ) -> Result<(Client, impl Future<Output = ()> + Send + use<>), Attempt> {
        let limit = self.config.get_connect_timeout().copied();
        let opened = timeout(limit.unwrap_or(ATTEMPT), async {
            let socket = host::open(host, port).await;
            let socket = socket.map_err(|error| Attempt::Again(error.to_string()))?;
            let connected = self.config.connect_raw(socket, NoTls).await;
            connected.map_err(|error| self.refusal(&error))
        });
        let opened = opened.await;
        let (client, connection) =
            opened.map_err(|_| Attempt::Again("it did not answer in time".to_owned()))??;
        let serve = async {
            if let Err(error) = connection.await {
                log::debug!("a connection has ended: {}", in_words(&error));
            }
        };
        Ok((client, serve))
    }

    /// Gives the connection to the high queue. A runtime that has ended gives it back: then each
    /// operation of the client polls it, so that what the last tasks settle is still written.
    fn serve(
        &self,
        connection: impl Future<Output = ()> + Send + 'static,
        retire: impl FnOnce() + Send + Unpin + 'static,
    ) -> Driver {
        let serving = Serving::new(connection, retire);
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
            None if self.config.get_password().is_none() && message.contains("password") => {
                ConnectError::Refused { user, message }
            }
            None => return Attempt::Again(message),
        };
        Attempt::Refused(refused)
    }
}
