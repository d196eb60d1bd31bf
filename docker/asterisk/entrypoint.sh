#!/bin/sh
# Writes /etc/asterisk/site.d from the environment, then becomes Asterisk.
#
#   DIALER_AMI_SECRET        secret of AMI user `dialer`                              (required)
#   DIALER_AMI_BIND          address of AMI                                           127.0.0.1
#   DIALER_AMI_PORT                                                                   5038
#   DIALER_AMI_PERMIT        network that may use AMI besides the loopback, CIDR      none
#   DIALER_SIP_BIND          address:port of SIP                                      0.0.0.0:5060
#   DIALER_EXTERNAL_ADDRESS  public address when behind NAT                           none
#   DIALER_LOCAL_NET         network that is not behind that NAT, CIDR                none
#   DIALER_RTP_START, _END   media ports                                              10000, 20000
#   DIALER_TRUNK_A_CONTACT   SIP URI of the first carrier; trunk `carrier-a`          none
#   DIALER_TRUNK_A_MATCH     address its requests come from                           host of the contact
#   DIALER_TRUNK_A_USER, _PASSWORD   digest user; then the trunk registers too        none
#   DIALER_TRUNK_B_…         the same for `carrier-b`
#   DIALER_AGENTS            number of agents' phones, agent-1001 up, that register   0
#   DIALER_AGENT_CONTACT     host:port at which they are all found without registering: a simulation     none
#   DIALER_AGENT_SECRET      their SIP password; several may be set by mounting site.d
#
# When /etc/asterisk/site.d/pjsip.conf exists already (mounted), nothing is written.
set -eu

site=/etc/asterisk/site.d
umask 077

trunk() { # name contact match user password
    [ -n "$2" ] || return 0
    host=${2#sip:}; host=${host#*@}; host=${host%%[:;]*}
    printf '[%s](trunk)\naors = %s\n' "$1" "$1"
    [ -z "$4" ] || printf 'outbound_auth = %s-auth\nfrom_user = %s\n' "$1" "$4"
    printf '[%s](trunk-aor)\ncontact = %s\n' "$1" "$2"
    printf '[%s](trunk-identify)\nendpoint = %s\nmatch = %s\n' "$1" "$1" "${3:-$host}"
    [ -z "$4" ] || {
        printf '[%s-auth](trunk-auth)\nusername = %s\npassword = %s\n' "$1" "$4" "$5"
        printf '[%s](trunk-registration)\noutbound_auth = %s-auth\n' "$1" "$1"
        printf 'server_uri = %s\nclient_uri = sip:%s@%s\ncontact_user = %s\n' "$2" "$4" "$host" "$4"
    }
}

agents() {
    last=$((1000 + ${DIALER_AGENTS:-0}))
    [ "$last" -eq 1000 ] || : "${DIALER_AGENT_SECRET:?set DIALER_AGENT_SECRET, the SIP password of agents}"
    number=1001
    while [ "$number" -le "$last" ]; do
        printf '[agent-%s](agent)\nauth = agent-%s\naors = agent-%s\n' "$number" "$number" "$number"
        printf '[agent-%s](agent-auth)\nusername = agent-%s\n' "$number" "$number"
        printf 'password = %s\n[agent-%s](agent-aor)\n' "$DIALER_AGENT_SECRET" "$number"
        [ -z "${DIALER_AGENT_CONTACT:-}" ] || printf \
            'contact = sip:%s@%s\nqualify_frequency = 0\n' "$number" "$DIALER_AGENT_CONTACT"
        number=$((number + 1))
    done
}

transport() {
    printf '[transport-udp]\ntype = transport\nprotocol = udp\nbind = %s\n' "${DIALER_SIP_BIND:-0.0.0.0:5060}"
    [ -z "${DIALER_EXTERNAL_ADDRESS:-}" ] || printf \
        'external_media_address = %s\nexternal_signaling_address = %s\n' \
        "$DIALER_EXTERNAL_ADDRESS" "$DIALER_EXTERNAL_ADDRESS"
    [ -z "${DIALER_LOCAL_NET:-}" ] || printf 'local_net = %s\n' "$DIALER_LOCAL_NET"
}

if [ ! -e "$site/pjsip.conf" ]; then
    : "${DIALER_AMI_SECRET:?set DIALER_AMI_SECRET, the secret of AMI user dialer}"
    printf '; Packaged folders are right.\n' > "$site/directories.conf"
    printf 'bindaddr = %s\nport = %s\n' "${DIALER_AMI_BIND:-127.0.0.1}" "${DIALER_AMI_PORT:-5038}" \
        > "$site/manager-general.conf"
    {
        printf 'secret = %s\n' "$DIALER_AMI_SECRET"
        [ -z "${DIALER_AMI_PERMIT:-}" ] || printf 'permit = %s\n' "$DIALER_AMI_PERMIT"
    } > "$site/manager-secret.conf"
    printf 'rtpstart = %s\nrtpend = %s\n' "${DIALER_RTP_START:-10000}" "${DIALER_RTP_END:-20000}" \
        > "$site/rtp.conf"
    printf 'xfersound = dialer-tone\n' > "$site/features.conf"
    printf 'DE_RTP_PORTS = %s-%s\n' "${DIALER_RTP_START:-10000}" "${DIALER_RTP_END:-20000}" \
        > "$site/extensions.conf"
    {
        transport
        trunk carrier-a "${DIALER_TRUNK_A_CONTACT:-}" "${DIALER_TRUNK_A_MATCH:-}" \
            "${DIALER_TRUNK_A_USER:-}" "${DIALER_TRUNK_A_PASSWORD:-}"
        trunk carrier-b "${DIALER_TRUNK_B_CONTACT:-}" "${DIALER_TRUNK_B_MATCH:-}" \
            "${DIALER_TRUNK_B_USER:-}" "${DIALER_TRUNK_B_PASSWORD:-}"
        agents
    } > "$site/pjsip.conf"
fi

# Recordings are for the daemon too, which is of their group; secrets above are not.
umask 007
exec asterisk -f "$@"
