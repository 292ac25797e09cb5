#!/usr/bin/python3
"""Makes a bucket on the service of scripts/private-s3.sh. Usage: make-bucket.py HOST:PORT BUCKET"""
import datetime
import hashlib
import hmac
import http.client
import sys

host, bucket = sys.argv[1:]
KEY, SECRET, SIGNED = "tc:tiles", "s3secret", "host;x-amz-content-sha256;x-amz-date"
now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
empty = hashlib.sha256(b"").hexdigest()
request = f"PUT\n/{bucket}\n\nhost:{host}\nx-amz-content-sha256:{empty}\nx-amz-date:{now}\n\n{SIGNED}\n{empty}"
scope = f"{now[:8]}/us-east-1/s3/aws4_request"
text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
key = b"AWS4" + SECRET.encode()
for part in scope.split("/"):
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
connection = http.client.HTTPConnection(host)
connection.request("PUT", f"/{bucket}", headers={
    "Host": host, "x-amz-content-sha256": empty, "x-amz-date": now,
    "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={SIGNED}, Signature={signature}"})
answer = connection.getresponse()
if answer.status != 200:
    sys.exit(f"make-bucket: {answer.status} {answer.read().decode()}")
