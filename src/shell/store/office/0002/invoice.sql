-- Invoices in the name of providers who have agreed to it.

-- What an invoice says of a provider; who has no row gets none.
CREATE TABLE invoice_party (
    provider INTEGER PRIMARY KEY REFERENCES provider,
    street TEXT NOT NULL,
    postcode TEXT NOT NULL,
    city TEXT NOT NULL,
    vat_id TEXT,
    tax_number TEXT,
    contact TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    agreed_on INTEGER NOT NULL
);

-- How a service is taxed from a day on: a code of the legal data.
CREATE TABLE service_vat (
    provider INTEGER NOT NULL,
    code TEXT NOT NULL,
    from_day INTEGER NOT NULL,
    vat TEXT NOT NULL,
    PRIMARY KEY (provider, code, from_day),
    FOREIGN KEY (provider, code) REFERENCES agreement
) WITHOUT ROWID;

-- Every document as it was made; none is ever changed.
CREATE TABLE invoice (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    provider INTEGER NOT NULL,
    month INTEGER NOT NULL,
    day INTEGER NOT NULL,
    credit INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    bytes BLOB NOT NULL
);
CREATE INDEX invoice_by_month ON invoice (provider, month);

-- What it says, so that the next document of the month says only what is new.
CREATE TABLE invoice_item (
    invoice INTEGER NOT NULL REFERENCES invoice,
    service TEXT NOT NULL,
    percent INTEGER NOT NULL,
    exempt TEXT,
    price INTEGER,
    units INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL
);
CREATE INDEX invoice_item_by_invoice ON invoice_item (invoice);
