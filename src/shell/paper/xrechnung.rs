//! An invoice as a file that computers read: UBL 2.1 after EN 16931 and XRechnung 3.0.

use crate::settle::invoice::{Amounts, Kind, Tax};
use crate::settle::leitweg::LeitwegId;
use crate::shell::store::office::invoices::Party;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::ServiceCode;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io;

/// BT-24: the version of XRechnung that is written.
const SPECIFICATION: &str = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0";
/// BT-23.
const PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";
const UBL: &str = "urn:oasis:names:specification:ubl:schema:xsd:";
/// SEPA credit transfer (UNTDID 4461).
const SEPA_TRANSFER: &str = "58";
/// One piece (UN/ECE Recommendation 20).
const PIECE: &str = "C62";
/// The scheme of a Leitweg-ID and of an e-mail address as electronic addresses (CEF EAS).
const BY_LEITWEG: &str = "0204";
const BY_EMAIL: &str = "EM";

/// Everything a document says besides its amounts.
pub struct Sheet<'s> {
    /// Its number (BT-1).
    pub number: &'s str,
    /// The day it is made (BT-2).
    pub day: CivilDay,
    /// The month of the services (BG-14).
    pub month: CivilMonth,
    /// The documents of this month before it (BG-3) with their days.
    pub before: &'s [(String, CivilDay)],
    /// Who served: number, name, and what is known of it.
    pub seller: (u32, &'s str, &'s Party),
    /// The seller's account.
    pub iban: &'s str,
    /// Who is served: name, street, postcode, place.
    pub buyer: (&'s str, &'s str, &'s str, &'s str),
    /// The buyer's Leitweg-ID.
    pub leitweg: &'s LeitwegId,
    /// How it is paid (BT-20).
    pub terms: String,
    /// What a service is called.
    pub label: &'s dyn Fn(&ServiceCode) -> String,
}

/// Writes a document. It fails only where memory does.
pub fn write(sheet: &Sheet<'_>, amounts: &Amounts) -> io::Result<Vec<u8>> {
    let root = if amounts.kind == Kind::CreditNote { "CreditNote" } else { "Invoice" };
    let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 1));
    xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let own = format!("{UBL}{root}-2");
    let (cac, cbc) = (format!("{UBL}CommonAggregateComponents-2"), format!("{UBL}CommonBasicComponents-2"));
    xml.within_with(root, &[("xmlns", &own), ("xmlns:cac", &cac), ("xmlns:cbc", &cbc)], |xml| {
        head(xml, sheet, amounts.kind, root)?;
        parties(xml, sheet)?;
        xml.within("cac:PaymentMeans", |xml| {
            xml.text("cbc:PaymentMeansCode", SEPA_TRANSFER)?;
            xml.within("cac:PayeeFinancialAccount", |xml| xml.text("cbc:ID", sheet.iban).and_then(|()| xml.text("cbc:Name", sheet.seller.1)))
        })?;
        xml.within("cac:PaymentTerms", |xml| xml.text("cbc:Note", &sheet.terms))?;
        totals(xml, amounts)?;
        lines(xml, sheet, amounts)
    })?;
    let mut bytes = xml.0.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn head(xml: &mut Xml, sheet: &Sheet<'_>, kind: Kind, root: &str) -> io::Result<()> {
    xml.text("cbc:CustomizationID", SPECIFICATION)?;
    xml.text("cbc:ProfileID", PROCESS)?;
    xml.text("cbc:ID", sheet.number)?;
    xml.text("cbc:IssueDate", &sheet.day.to_string())?;
    xml.text(&format!("cbc:{root}TypeCode"), kind.code())?;
    // § 14 Abs. 4 Satz 1 Nr. 10 UStG asks for this very word.
    let note = match (kind, sheet.before.last()) {
        (Kind::SelfBilled, None) => "Gutschrift im Sinne des § 14 Abs. 2 UStG: ausgestellt vom Leistungsempfänger.".to_owned(),
        (Kind::SelfBilled, Some((last, _))) => {
            format!("Gutschrift im Sinne des § 14 Abs. 2 UStG: ausgestellt vom Leistungsempfänger. Ergänzung zu {last}.")
        }
        (Kind::CreditNote, _) => "Berichtigung von Gutschriften im Sinne des § 14 Abs. 2 UStG: ausgestellt vom Leistungsempfänger.".to_owned(),
    };
    xml.text("cbc:Note", &note)?;
    xml.text("cbc:DocumentCurrencyCode", "EUR")?;
    xml.text("cbc:BuyerReference", sheet.leitweg.as_str())?;
    period(xml, sheet.month.first_day(), sheet.month.last_day())?;
    for (number, day) in sheet.before {
        xml.within("cac:BillingReference", |xml| {
            xml.within("cac:InvoiceDocumentReference", |xml| {
                xml.text("cbc:ID", number)?;
                xml.text("cbc:IssueDate", &day.to_string())
            })
        })?;
    }
    Ok(())
}

fn period(xml: &mut Xml, first: CivilDay, last: CivilDay) -> io::Result<()> {
    xml.within("cac:InvoicePeriod", |xml| {
        xml.text("cbc:StartDate", &first.to_string())?;
        xml.text("cbc:EndDate", &last.to_string())
    })
}

fn parties(xml: &mut Xml, sheet: &Sheet<'_>) -> io::Result<()> {
    let (number, name, party) = sheet.seller;
    xml.within("cac:AccountingSupplierParty", |xml| {
        xml.within("cac:Party", |xml| {
            xml.text_with("cbc:EndpointID", &[("schemeID", BY_EMAIL)], &party.email)?;
            xml.within("cac:PartyIdentification", |xml| xml.text("cbc:ID", &number.to_string()))?;
            xml.within("cac:PartyName", |xml| xml.text("cbc:Name", name))?;
            address(xml, (&party.street, &party.postcode, &party.city))?;
            for (id, scheme) in [(&party.vat_id, "VAT"), (&party.tax_number, "FC")] {
                if let Some(id) = id {
                    xml.within("cac:PartyTaxScheme", |xml| {
                        xml.text("cbc:CompanyID", id)?;
                        xml.within("cac:TaxScheme", |xml| xml.text("cbc:ID", scheme))
                    })?;
                }
            }
            xml.within("cac:PartyLegalEntity", |xml| xml.text("cbc:RegistrationName", name))?;
            xml.within("cac:Contact", |xml| {
                xml.text("cbc:Name", &party.contact)?;
                xml.text("cbc:Telephone", &party.phone)?;
                xml.text("cbc:ElectronicMail", &party.email)
            })
        })
    })?;
    let (name, street, postcode, city) = sheet.buyer;
    xml.within("cac:AccountingCustomerParty", |xml| {
        xml.within("cac:Party", |xml| {
            xml.text_with("cbc:EndpointID", &[("schemeID", BY_LEITWEG)], sheet.leitweg.as_str())?;
            xml.within("cac:PartyName", |xml| xml.text("cbc:Name", name))?;
            address(xml, (street, postcode, city))?;
            xml.within("cac:PartyLegalEntity", |xml| xml.text("cbc:RegistrationName", name))
        })
    })
}

fn address(xml: &mut Xml, (street, postcode, city): (&str, &str, &str)) -> io::Result<()> {
    xml.within("cac:PostalAddress", |xml| {
        xml.text("cbc:StreetName", street)?;
        xml.text("cbc:CityName", city)?;
        xml.text("cbc:PostalZone", postcode)?;
        xml.within("cac:Country", |xml| xml.text("cbc:IdentificationCode", "DE"))
    })
}

fn totals(xml: &mut Xml, amounts: &Amounts) -> io::Result<()> {
    xml.within("cac:TaxTotal", |xml| {
        xml.amount("cbc:TaxAmount", amounts.tax)?;
        for tax in &amounts.taxes {
            xml.within("cac:TaxSubtotal", |xml| {
                xml.amount("cbc:TaxableAmount", tax.net)?;
                xml.amount("cbc:TaxAmount", tax.tax)?;
                category(xml, "cac:TaxCategory", tax, true)
            })?;
        }
        Ok(())
    })?;
    xml.within("cac:LegalMonetaryTotal", |xml| {
        xml.amount("cbc:LineExtensionAmount", amounts.net)?;
        xml.amount("cbc:TaxExclusiveAmount", amounts.net)?;
        xml.amount("cbc:TaxInclusiveAmount", amounts.gross())?;
        if amounts.rounding != Cents::ZERO {
            xml.amount("cbc:PayableRoundingAmount", amounts.rounding)?;
        }
        xml.amount("cbc:PayableAmount", amounts.due)
    })
}

/// S for what is taxed, E for what is exempt (UNTDID 5305).
fn category(xml: &mut Xml, name: &str, tax: &Tax, with_reason: bool) -> io::Result<()> {
    xml.within(name, |xml| {
        xml.text("cbc:ID", if tax.percent == 0 { "E" } else { "S" })?;
        xml.text("cbc:Percent", &tax.percent.to_string())?;
        if let Some(reason) = tax.exempt.as_deref().filter(|_| with_reason) {
            xml.text("cbc:TaxExemptionReason", reason)?;
        }
        xml.within("cac:TaxScheme", |xml| xml.text("cbc:ID", "VAT"))
    })
}

fn lines(xml: &mut Xml, sheet: &Sheet<'_>, amounts: &Amounts) -> io::Result<()> {
    let (element, quantity) = match amounts.kind {
        Kind::CreditNote => ("cac:CreditNoteLine", "cbc:CreditedQuantity"),
        Kind::SelfBilled => ("cac:InvoiceLine", "cbc:InvoicedQuantity"),
    };
    for (number, line) in (1u32..).zip(&amounts.lines) {
        let vat = &line.item.vat;
        let tax = Tax { percent: vat.percent, exempt: vat.exempt.clone(), net: line.net, tax: Cents::ZERO };
        xml.within(element, |xml| {
            xml.text("cbc:ID", &number.to_string())?;
            xml.text_with(quantity, &[("unitCode", PIECE)], &line.units.to_string())?;
            xml.amount("cbc:LineExtensionAmount", line.net)?;
            period(xml, line.days.0, line.days.1)?;
            xml.within("cac:Item", |xml| {
                if let Some(price) = line.item.price {
                    xml.text("cbc:Description", &format!("{} Euro brutto je Einheit", price.decimal().replace('.', ",")))?;
                }
                xml.text("cbc:Name", &(sheet.label)(&line.item.service))?;
                category(xml, "cac:ClassifiedTaxCategory", &tax, false)
            })?;
            xml.within("cac:Price", |xml| xml.text_with("cbc:PriceAmount", &[("currencyID", "EUR")], &line.price))
        })?;
    }
    Ok(())
}

/// A writer that opens and closes every element in one place.
struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn within(&mut self, name: &str, content: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.within_with(name, &[], content)
    }

    fn within_with(&mut self, name: &str, with: &[(&str, &str)], content: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.0.write_event(Event::Start(BytesStart::new(name).with_attributes(with.iter().copied())))?;
        content(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.text_with(name, &[], text)
    }

    fn text_with(&mut self, name: &str, with: &[(&str, &str)], text: &str) -> io::Result<()> {
        // XML 1.0 knows no control characters.
        let text: String = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
        self.within_with(name, with, |xml| xml.0.write_event(Event::Text(BytesText::new(&text))))
    }

    fn amount(&mut self, name: &str, cents: Cents) -> io::Result<()> {
        self.text_with(name, &[("currencyID", "EUR")], &cents.decimal())
    }
}
