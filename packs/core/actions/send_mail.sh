#!/bin/bash
# Sends one email. Arguments, in this order: program, from, to, subject, send an empty body (1 or 0),
# content type, body, attachments.
set -u -o pipefail

program=$1 from=$2 to=$3 subject=$4 send_empty=$5 content_type=$6 body=$7 attachments=$8

if [ -z "$program" ] || [ "$program" = None ]; then
    program=$(command -v sendmail || ls /usr/sbin/sendmail /usr/lib/sendmail 2>/dev/null | head -n 1)
    if [ -z "$program" ]; then
        echo "sendmail was not found; install a mail server, or give sendmail_binary" >&2
        exit 2
    fi
    program="$program -t"
fi
case $from in
    *@*) ;;
    *) from="$from@${HOSTNAME:-localhost}" ;;
esac
# A line end in a header would begin another one, so an address could inject headers.
for header in "$from" "$to" "$content_type"; do
    case $header in
        *$'\n'* | *$'\r'*)
            echo "an address or the content type contains a line end; remove it" >&2
            exit 2
            ;;
    esac
done
if [ -z "${body//[[:space:]]/}" ] && [ "$send_empty" != 1 ]; then
    echo "Nothing to send"
    exit 0
fi

message() {
    local boundary="petrel-$ST2_ACTION_EXECUTION_ID" file files
    printf 'To: %s\nFrom: %s\nSubject: =?UTF-8?B?%s?=\nMIME-Version: 1.0\n' \
        "$to" "$from" "$(printf '%s' "$subject" | base64 -w 0)"
    if [ -n "$attachments" ]; then
        printf 'Content-Type: multipart/mixed; boundary="%s"\n\n--%s\n' "$boundary" "$boundary"
    fi
    printf 'Content-Type: %s; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n' "$content_type"
    printf '%s\n' "$body" | base64
    if [ -n "$attachments" ]; then
        IFS=, read -ra files <<<"$attachments"
        for file in "${files[@]}"; do
            if [ ! -f "$file" ]; then
                echo "the attachment $file does not exist and is left out" >&2
                continue
            fi
            printf '\n--%s\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n' "$boundary"
            printf 'Content-Disposition: attachment; filename="%s"\n\n' "$(basename "$file" | tr -d '"\r\n')"
            base64 "$file"
        done
        printf '\n--%s--\n' "$boundary"
    fi
}

# Not quoted: the program comes with its arguments.
# shellcheck disable=SC2086
if message | $program; then
    echo "Successfully sent mail to $to"
else
    echo "$program did not accept the mail to $to" >&2
    exit 2
fi
