//! What a clerk may do.

/// One kind of work in the office. Nobody releases what they drew up, whatever roles they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Cases, approvals, cards and letters.
    Issue,
    /// Findings, providers, and drawing up payments.
    Reconcile,
    /// The second signature under a payment.
    Release,
    /// Clerks and settings.
    Admin,
    /// Reads everything, changes nothing.
    Audit,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Issue, Self::Reconcile, Self::Release, Self::Admin, Self::Audit];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Reconcile => "reconcile",
            Self::Release => "release",
            Self::Admin => "admin",
            Self::Audit => "audit",
        }
    }

    /// The name for people.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Issue => "Bewilligung und Karten",
            Self::Reconcile => "Abgleich und Vorbereitung",
            Self::Release => "Freigabe",
            Self::Admin => "Verwaltung",
            Self::Audit => "Prüfung (nur lesen)",
        }
    }

    /// The role with this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// The roles of one clerk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// What somebody may do who does everything but audit.
    pub fn working() -> Self {
        Self::of(&[Role::Issue, Role::Reconcile, Role::Release, Role::Admin])
    }

    /// These roles, each once.
    pub fn of(roles: &[Role]) -> Self {
        let mut roles = roles.to_vec();
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }

    /// The roles named in a text with blanks between; a name this version does not know gives no right.
    pub fn parse(text: &str) -> Self {
        Self::of(&text.split_whitespace().filter_map(Role::parse).collect::<Vec<_>>())
    }

    /// Whether `role` is among them.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Role> {
        self.0.iter().copied()
    }
}

impl std::fmt::Display for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(|role| role.name()).collect::<Vec<_>>().join(" "))
    }
}
