#!/bin/sh
# Sends an event as GitHub does: send.sh SECRET DELIVERY [ADDRESS]
set -eu
body='{"repository": {"full_name": "octocat/hello-world"}}'
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$1" -r | cut -d ' ' -f 1)
curl --silent --show-error --include -d "$body" -H 'Content-Type: application/json' \
     -H "X-Hub-Signature-256: sha256=$signature" -H "X-GitHub-Delivery: $2" \
     "${3:-http://127.0.0.1:9101}/api/v1/webhooks/signed"
