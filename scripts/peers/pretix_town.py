"""Run inside `pretix shell`: one organizer, one event, a check-in list and 2,000 paid tickets; writes key, list and codes to $PRETIX_TOWN."""

import json
import os
from datetime import timedelta
from decimal import Decimal

from django.utils.timezone import now
from django_scopes import scopes_disabled
from pretix.base.models import CheckinList, Event, Item, Order, OrderPosition, Organizer, Team

TICKETS = int(os.environ.get("PRETIX_TICKETS", "2000"))

with scopes_disabled():
    organizer = Organizer.objects.create(name="Mensa", slug="mensa")
    event = Event.objects.create(
        organizer=organizer, name="Mittag", slug="mittag", currency="EUR", live=True, plugins="pretix.plugins.checkinlists",
        date_from=now(), date_to=now() + timedelta(days=1), presale_end=now() + timedelta(days=1),
    )
    item = Item.objects.create(event=event, name="Essen", default_price=Decimal("4.50"), admission=True)
    team = Team(organizer=organizer, name="Ausgabe", all_events=True)
    # The names of rights have changed over the years: whatever there is, this team may.
    for field in Team._meta.get_fields():
        if field.name.startswith("can_") or field.name in ("all_event_permissions", "all_organizer_permissions"):
            setattr(team, field.name, True)
    team.save()
    token = team.tokens.create(name="till")
    where = CheckinList.objects.create(event=event, name="Tür", all_products=True)
    codes = []
    channel = getattr(organizer, "sales_channels", None)
    extra = {"sales_channel": channel.get(identifier="web")} if channel is not None else {}
    for number in range(TICKETS):
        order = Order.objects.create(
            event=event, code=f"T{number:05d}", email="a@example.org", status=Order.STATUS_PAID, datetime=now(),
            expires=now() + timedelta(days=1), total=Decimal("4.50"), locale="de", **extra,
        )
        position = OrderPosition.objects.create(order=order, item=item, variation=None, price=Decimal("4.50"), positionid=1)
        codes.append(position.secret)
with open(os.environ["PRETIX_TOWN"], "w") as file:
    json.dump({"token": token.token, "list": where.pk, "codes": codes}, file)
