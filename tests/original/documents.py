"""The values that the original system's documents show, as they stand there."""

API_KEY_FORM = "824a47ae-d0b9-5350-bffb-cc2ee48424a3"
USERNAME = "cookielover57-"
PASSWORD = "MySuperSecurePassword57!"
PUBLIC_KEY = "XzKSzgiX2qoPySbe5T4TSK2018V..."

GENERAL_CONFIG = """\
Cassandra_address: "127.0.0.1"
Cassandra_keyspace: "ilo"
Potion_IP: "0.0.0.0:4000"
"""
CREATE_KEYSPACE = (
    "CREATE keyspace ilo WITH replication={'class':'SimpleStrategy','replication_factor':3};"
)

# The logging sample, with what it lacked to be loaded: `version`, the handlers at the top
# level, and the formatter defined under the name that is used.
LOGGING_CONFIG = """\
version: 1
formatters:
  main:
    format: "[%(name)s | %(levelname)s]:%(lineno)s - %(message)s"
handlers:
  console:
    class: logging.StreamHandler
    formatter: main
    stream: ext://sys.stdout
loggers:
  user:
    level: DEBUG
    handlers: [console]
  key:
    level: DEBUG
    handlers: [console]
  potion:
    level: DEBUG
    handlers: [console]
"""

# How the documents make the certificate: what the extension sections of openssl say.
OPENSSL_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[for_localhost]
subjectAltName = DNS:localhost
keyUsage = digitalSignature
extendedKeyUsage = serverAuth
"""
OPENSSL = (
    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-sha256"),
    *("-config", "openssl.cnf", "-extensions", "for_localhost"),
    *("-out", "localhost.crt", "-keyout", "localhost.key"),
)

# Whoever follows the documents has these, and three nodes of Cassandra.
GENERAL_CONFIG = """\
Cassandra_address: "127.0.0.1"
Cassandra_keyspace: "ilo"
Potion_IP: "0.0.0.0:4000"
"""
CREATE_KEYSPACE = (
    "CREATE keyspace ilo WITH replication={'class':'SimpleStrategy','replication_factor':3};"
)
