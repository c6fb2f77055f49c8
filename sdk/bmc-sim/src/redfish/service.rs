//! A running service, and what a test holds of it: looking, changing, waiting.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{AbortHandle, JoinSet},
    time::sleep_until,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Faults, Misbehaviour, RequestRecord, ServiceConfig, Snapshot,
    certificate::{self, Certificate},
    http::{self, Incoming, Stream},
    reply::Reply,
    routes,
    state::State,
};
use crate::Credentials;

/// One Redfish service. It stops when it is dropped, with its connections.
#[derive(Debug)]
pub struct Service {
    core: Arc<Core>,
    address: SocketAddr,
    certificate: Option<Certificate>,
    task: AbortHandle,
}

struct Core {
    state: Mutex<State>,
    snapshot: watch::Sender<Snapshot>,
}

/// What happens to one request.
enum Fate {
    Answer(Reply),
    Misbehave(Misbehaviour),
    /// It was carried out, and nobody is told.
    Lose,
}

impl Service {
    /// Opens the socket and starts the service on the current runtime.
    pub async fn start(config: ServiceConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::new(config.bind, config.port)).await?;
        let address = listener.local_addr()?;
        let made = config
            .tls
            .then(|| certificate::make(vec!["localhost".to_owned(), address.ip().to_string()]))
            .transpose()?;
        let (acceptor, certificate) = made.unzip();
        let core = Arc::new(Core::new(config));
        let task = tokio::spawn(accept(listener, acceptor, Arc::clone(&core))).abort_handle();
        Ok(Self {
            core,
            address,
            certificate,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, as in `redfish_address`.
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// Its certificate in PEM, for `localhost` and its address; `None` without TLS.
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate.as_ref().map(|found| found.pem.as_str())
    }

    /// The SHA-256 fingerprint of its certificate; `None` without TLS.
    pub fn certificate_sha256(&self) -> Option<&str> {
        self.certificate
            .as_ref()
            .map(|found| found.fingerprint.as_str())
    }

    /// Name and password of its user.
    pub fn credentials(&self) -> Credentials {
        self.core.with(|state| Credentials {
            username: state.config.username.clone(),
            password: state.config.password.clone(),
        })
    }

    /// The faults as they are now, with what is left of counted ones.
    pub fn faults(&self) -> Faults {
        self.core.with(|state| state.faults.clone())
    }

    /// Replaces all faults.
    pub fn set_faults(&self, faults: Faults) {
        self.core.with(|state| state.faults = faults);
    }

    /// Changes the user's password; sessions that are open stay so.
    pub fn set_password(&self, password: &str) {
        self.core
            .with(|state| password.clone_into(&mut state.config.password));
    }

    /// Ends all sessions, without telling anybody.
    pub fn expire_sessions(&self) {
        self.core.with(|state| state.sessions.expire());
    }

    /// Switches a system, counted from 0, as somebody at its button would.
    pub fn set_power(&self, index: usize, power: bool) {
        self.core.with(|state| {
            if let Some(system) = state.systems.get_mut(index) {
                system.machine.set_power(power);
                system.settle(Instant::now());
            }
        });
    }

    /// The last 256 requests, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.core.with(|state| state.observed.log())
    }

    /// How many of the last 256 requests had this method, and a path that contains this.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.requests()
            .iter()
            .filter(|seen| seen.method == method && seen.path.contains(path))
            .count()
    }

    /// How it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.core.snapshot.borrow().clone()
    }

    /// Waits until `condition` holds, and says how it was then. Put your own deadline around it.
    pub async fn wait_until(&self, mut condition: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let mut watch = self.core.snapshot.subscribe();
        let found = watch.wait_for(|snapshot| condition(snapshot)).await;
        // The sender lives as long as the service, so there always is a value.
        match found {
            Ok(snapshot) => snapshot.clone(),
            Err(_) => self.snapshot(),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Core").finish_non_exhaustive()
    }
}

impl Core {
    fn new(config: ServiceConfig) -> Self {
        let state = State::new(config);
        let snapshot = watch::Sender::new(state.snapshot());
        Self {
            state: Mutex::new(state),
            snapshot,
        }
    }

    /// Looks at or changes the state, and shows what it has become.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let value = change(&mut state);
        let now = state.snapshot();
        drop(state);
        self.snapshot.send_if_modified(|shown| {
            let modified = *shown != now;
            *shown = now;
            modified
        });
        value
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides what happens to a request, and carries it out.
    fn decide(self: &Arc<Self>, request: &Incoming) -> Fate {
        let (fate, due) = self.with(|state| {
            let now = Instant::now();
            state.settle(now);
            if state.faults.expire_sessions.strikes() {
                state.sessions.expire();
            }
            let meant = request.path.contains(&state.faults.only);
            let fate = if meant && state.faults.answers.strikes() {
                Fate::Misbehave(state.faults.answer.clone())
            } else {
                let reply = routes::answer(state, request, now);
                if meant && state.faults.lose_answers.strikes() {
                    Fate::Lose
                } else {
                    Fate::Answer(reply)
                }
            };
            let status = match &fate {
                Fate::Answer(reply) => Some(reply.status),
                Fate::Misbehave(Misbehaviour::Status(status)) => Some(*status),
                Fate::Misbehave(Misbehaviour::Unavailable(_)) => Some(503),
                Fate::Misbehave(_) | Fate::Lose => None,
            };
            state.observed.note(RequestRecord {
                method: request.method.clone(),
                path: request.path.clone(),
                status,
                token: request.header("x-auth-token").is_some(),
                basic: request.header("authorization").is_some(),
                if_match: request.header("if-match").map(str::to_owned),
                at: now,
            });
            (fate, state.settle(now))
        });
        if let Some(due) = due {
            let core = Arc::clone(self);
            tokio::spawn(core.settle_from(due));
        }
        fate
    }

    /// Lets the machines change when they are due.
    async fn settle_from(self: Arc<Self>, due: Instant) {
        let mut next = Some(due);
        while let Some(due) = next {
            sleep_until(due.into()).await;
            next = self.with(|state| state.settle(Instant::now()));
        }
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, core: Arc<Core>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    core.with(|state| state.observed.connections += 1);
                    connections.spawn(greet(stream, acceptor.clone(), Arc::clone(&core)));
                }
                // Transient: too many open files, or a client that left at once.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn greet(stream: TcpStream, acceptor: Option<TlsAcceptor>, core: Arc<Core>) {
    // A client that breaks the connection is no error of ours.
    let _ = match acceptor {
        None => converse(stream, core).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => converse(stream, core).await,
            Err(error) => Err(error),
        },
    };
}

async fn converse<S: Stream>(stream: S, core: Arc<Core>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = match http::read(&mut stream).await {
            Ok(Some(request)) => request,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let reply = Reply::error(400, "UnrecognizedRequestBody", "That is not HTTP.");
                return http::write(stream.get_mut(), &reply).await;
            }
            ended => return ended.map(|_| ()),
        };
        core.with(|state| state.observed.begin());
        let done = respond(stream.get_mut(), &request, &core).await;
        core.with(|state| state.observed.end());
        done?;
    }
}

async fn respond<S: Stream>(
    stream: &mut S,
    request: &Incoming,
    core: &Arc<Core>,
) -> io::Result<()> {
    let slow = core.with(|state| {
        let meant = request.path.contains(&state.faults.only);
        if meant {
            state.faults.slow
        } else {
            Duration::ZERO
        }
    });
    let fate = core.decide(request);
    http::dawdle(slow).await;
    match fate {
        Fate::Answer(reply) => http::write(stream, &reply).await,
        Fate::Misbehave(how) => http::misbehave(stream, &how).await,
        Fate::Lose => {
            stream.will_reset();
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}
