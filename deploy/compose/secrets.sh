#!/usr/bin/env bash
# Make the files of compose.yaml's secrets that are not there yet. What can be made up is; the others are empty, and named.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p secrets
# Compose mounts each file as it is, and each service reads it as a user of its own: nobody else comes past the folder.
chmod 700 secrets
for name in prometheus_token oncall_password grafana_password; do
  [ -s "secrets/$name" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"secrets/$name"
done
for name in aws_credentials git_token slack_token alertmanager_slack_url; do
  [ -e "secrets/$name" ] || : >"secrets/$name"
done
chmod 644 secrets/*_*
[ -s secrets/slack_token ] || echo "fill in secrets/slack_token: the bot token of the Slack app, xoxb-…"
[ -s secrets/git_token ] || echo "fill in secrets/git_token: a token that may read the repository"
[ -s secrets/alertmanager_slack_url ] || echo "fill in secrets/alertmanager_slack_url: an incoming webhook of Slack"
[ -s secrets/aws_credentials ] || echo "secrets/aws_credentials is empty: this machine's own role is used"
