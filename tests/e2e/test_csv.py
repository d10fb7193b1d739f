"""A CSV file for bulk forwarding, from a browser's form to the entries."""

import json
from typing import Any

import urllib3

from tests.e2e.customer import API, Customer


def send(customer: Customer, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
    address = f"{customer.site}{API}/contracts/{customer.number}/bulk-forward/csv{path}"
    bearer = {"Authorization": f"Bearer {customer.operator.bearer}"}
    headers = {**bearer, **options.pop("headers", {})}
    return urllib3.request(method, address, headers=headers, retries=False, timeout=30, **options)


def test_a_file_is_exported_changed_tried_and_applied(customer: Customer) -> None:
    exported = send(customer, "GET", "")
    first, second = sorted(customer.entries)
    lines = exported.data.decode("utf-8-sig").splitlines()
    changed = f"{lines[0]}\r\n{first},090-8765-4321\r\n{second},\r\n".encode("cp932")

    tried = send(customer, "POST", "?dry_run=true", fields={"file": ("番号.csv", changed, "application/vnd.ms-excel")})
    report = json.loads(tried.data)
    applied = send(customer, "POST", f"/{report['id']}/apply")
    again = send(customer, "PUT", "", body=exported.data, headers={"If-Match": '"old"', "Content-Type": "text/csv"})

    assert (len(lines), exported.headers["ETag"]) == (3, tried.headers["ETag"])
    assert [len(report[name]) for name in ("added", "changed", "deleted", "errors")] == [0, 1, 1, 0]
    assert (applied.status, json.loads(applied.data)["entries"]) == (200, {first: "09087654321"})
    assert (again.status, json.loads(again.data)["current"]) == (412, customer.plan())


def test_what_is_no_file_of_ours_is_refused_in_words(customer: Customer) -> None:
    kinds = {"Content-Type": "text/csv"}

    answers = [
        send(customer, "POST", "?dry_run=true", body=body, headers=kinds)
        for body in (b"1,2,3\n" * (5 * 1024 * 1024 // 6), b"PK\x03\x04" + bytes(3000), b"312345678,9012345678\n")
    ]

    large, workbook, lost = [json.loads(answer.data) for answer in answers]
    assert (large["status"], large["code"]) == (413, "file-too-large")
    assert (workbook["status"], workbook["code"]) == (422, "excel-workbook")
    assert lost["errors"][0]["suggestion"] == "0312345678"
    assert customer.plan()["entries"] == customer.entries
