//! Where a database is, and how a connection to it is opened.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use laneway::time::timeout;
use laneway::{Handle, Priority};
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

use super::connect_error::ConnectError;
use super::failure::in_words;
use super::host::{self, Door};
use super::messages::Messages;
use super::security::Security;
use super::serving::{Driver, Serving};
use super::tls::Tls;
use super::url::{Url, encoded};

/// One attempt at one address of a host takes no longer, unless the address says something else.
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
        refuse_unheeded(&config)?;
        refuse_signs(&config)?;
        for address in addresses_alone(&config)? {
            config.host(address.to_string());
        }
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
        for (place, host, port) in self.hosts_in_turn() {
            match self.open_at(place, host, port).await {
                Ok(opened) => return Ok(opened),
                Err(attempt) => last = attempt,
            }
        }
        Err(last)
    }

    /// The hosts with their places, in the order in which they are tried.
    fn hosts_in_turn(&self) -> Vec<(usize, &Host, u16)> {
        let hosts = self.hosts().enumerate();
        let mut hosts: Vec<_> = hosts
            .map(|(place, (host, port))| (place, host, port))
            .collect();
        if self.config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            fastrand::shuffle(&mut hosts);
        }
        hosts
    }

    async fn open_at(
        &self,
        place: usize,
        host: &Host,
        port: u16,
    ) -> Result<(Client, Messages), Attempt> {
        let address = self.config.get_hostaddrs().get(place).copied();
        let found = self.within_limit(async {
            let doors = host::doors(host, port, address).await;
            doors.map_err(|error| Attempt::Again(error.to_string()))
        });
        self.enter_any(host, &found.await?).await
    }

    /// By the first of a host's doors behind which there is an answer. Each has its own time, so
    /// that one which leads nowhere does not use up that of the others.
    async fn enter_any(&self, host: &Host, doors: &[Door]) -> Result<(Client, Messages), Attempt> {
        let mut last = Attempt::Again("its name has no address".to_owned());
        for door in doors {
            match self.within_limit(self.enter(host, door)).await {
                Ok(opened) => return Ok(opened),
                Err(attempt) => last = attempt,
            }
        }
        Err(last)
    }

    async fn within_limit<T>(
        &self,
        attempt: impl Future<Output = Result<T, Attempt>>,
    ) -> Result<T, Attempt> {
        let limit = self.config.get_connect_timeout().copied();
        let ended = timeout(limit.unwrap_or(ATTEMPT), attempt).await;
        ended.map_err(|_| Attempt::Again("it did not answer in time".to_owned()))?
    }

    async fn enter(&self, host: &Host, door: &Door) -> Result<(Client, Messages), Attempt> {
        let socket = host::open(door).await;
        let socket = socket.map_err(|error| Attempt::Again(error.to_string()))?;
        let mut config = self.config.clone();
        if host::is_folder(host) {
            config.ssl_mode(SslMode::Disable);
        }
        let connected = self.tls.connect(&config, socket, &host::name(host)).await;
        let (client, mut messages) = connected.map_err(|error| self.refusal(&error))?;
        messages.run(self.suits(&client)).await?;
        Ok((client, messages))
    }

    /// Whether the session is such as the address asks for.
    async fn suits(&self, client: &Client) -> Result<(), Attempt> {
        let (wanted, unlike) = match self.config.get_target_session_attrs() {
            TargetSessionAttrs::Any => return Ok(()),
            TargetSessionAttrs::ReadOnly => ("on", "it takes writes"),
            _ => ("off", "it takes no writes"),
        };
        let told = client.simple_query("SHOW transaction_read_only").await;
        let told = told.map_err(|error| self.refusal(&error))?;
        let has = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some(wanted),
            _ => false,
        };
        let unlike = || format!("{unlike}, and target_session_attrs asks for another server");
        told.iter()
            .any(has)
            .then_some(())
            .ok_or_else(|| Attempt::Again(unlike()))
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

/// Refuses settings of which the connections know nothing.
fn refuse_unheeded(config: &Config) -> Result<(), ConnectError> {
    let default = Config::new();
    let unheeded = [
        (
            "keepalives",
            config.get_keepalives() != default.get_keepalives(),
        ),
        (
            "keepalives_idle",
            config.get_keepalives_idle() != default.get_keepalives_idle(),
        ),
        (
            "keepalives_interval",
            config.get_keepalives_interval().is_some(),
        ),
        (
            "keepalives_retries",
            config.get_keepalives_retries().is_some(),
        ),
        ("tcp_user_timeout", config.get_tcp_user_timeout().is_some()),
    ];
    match unheeded.iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((name, _)) => Err(ConnectError::Url(format!(
            "{name} cannot be set; leave it out: a connection is given up anyway when its server \
             does not answer for 30 seconds"
        ))),
    }
}

/// Refuses a host that has the end of a password before it. It is not shown.
fn refuse_signs(config: &Config) -> Result<(), ConnectError> {
    let has_sign = |host: &Host| host::name(host).contains('@');
    match config.get_hosts().iter().any(has_sign) {
        false => Ok(()),
        true => Err(ConnectError::Url(
            "its host has an @ in it; write the @ of a user or a password as %40".to_owned(),
        )),
    }
}

/// The addresses that stand for hosts of no name. Otherwise each is that of one host.
fn addresses_alone(config: &Config) -> Result<Vec<IpAddr>, ConnectError> {
    let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs());
    match hosts {
        0 => Ok(addresses.to_vec()),
        _ if addresses.is_empty() || addresses.len() == hosts => Ok(Vec::new()),
        _ => {
            let message = "host and hostaddr name a different number of servers";
            Err(ConnectError::Url(message.to_owned()))
        }
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

#[cfg(all(test, unix))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn refused(url: &str) -> String {
        match Address::parse(url, None) {
            Err(error) => error.to_string(),
            Ok((address, _)) => panic!("{url} is {address}"),
        }
    }

    #[test]
    fn a_setting_that_would_have_no_effect_is_refused() {
        for (settings, named) in [
            ("tcp_user_timeout=3", "tcp_user_timeout"),
            ("keepalives=0", "keepalives"),
            ("keepalives_idle=30", "keepalives_idle"),
            ("keepalives_interval=5", "keepalives_interval"),
            ("keepalives_retries=2", "keepalives_retries"),
            ("hostaddr=127.0.0.1,127.0.0.2", "hostaddr"),
        ] {
            let refused = refused(&format!("postgres://me@db/app?{settings}"));
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn a_part_of_a_password_is_not_taken_for_a_host() {
        for url in ["postgres://me:se@cret@db/app", "host=secret@db user=me"] {
            let refused = refused(url);
            assert!(
                refused.contains("%40") && !refused.contains("cret"),
                "{refused}"
            );
        }
    }

    #[test]
    fn an_address_without_a_name_is_that_of_its_host() {
        let (address, _) = Address::parse("hostaddr=127.0.0.1 port=7 user=me", None).unwrap();
        assert_eq!(address.to_string(), "127.0.0.1:7");
    }

    #[test]
    fn an_address_that_does_not_answer_leaves_the_next_one_its_time() {
        let url = "postgres://me@db/app?connect_timeout=1";
        let (address, _) = Address::parse(url, None).unwrap();
        // They take connections, and say nothing.
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let doors = listeners
            .each_ref()
            .map(|listener| Door::Address(listener.local_addr().unwrap()));
        let host = Host::Tcp("db".to_owned());
        let opened = laneway::block_on(address.enter_any(&host, &doors));
        assert!(matches!(opened, Err(Attempt::Again(_))));
        for listener in listeners {
            listener.set_nonblocking(true).unwrap();
            assert!(listener.accept().is_ok(), "it was not tried");
        }
    }
}
