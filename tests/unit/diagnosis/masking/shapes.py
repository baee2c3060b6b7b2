"""Secrets as they stand in logs and messages. All are made up, and none stands here whole.

Values are drawn when the tests run, so that no secret scanner takes this file for a leak, and no
rule can know them. In a line ``{}`` is the secret; a line may be several.
"""

import random
import string
from collections.abc import Callable
from typing import Final

_random = random.Random(20261128)

UPPER: Final = string.ascii_uppercase
LOWER: Final = string.ascii_lowercase
DIGITS: Final = string.digits
ALNUM: Final = UPPER + LOWER + DIGITS
HEX: Final = "0123456789abcdef"
BASE64: Final = ALNUM + "+/"
BASE32: Final = UPPER + "234567"
URL_SAFE: Final = ALNUM + "-_"


def draw(alphabet: str, length: int, before: str = "", after: str = "") -> str:
    """Draw a value with at least three digits and three letters, as real ones nearly always have."""
    while True:
        body = "".join(_random.choice(alphabet) for _ in range(length))
        digits = sum(map(str.isdigit, body))
        if length < 8 or (
            digits >= 3 and len(body) - digits >= 3 and body[0].isalnum() and body[-1].isalnum()
        ):
            return before + body + after


def uuid() -> str:
    """Draw a UUID."""
    return "-".join(draw(HEX, length) for length in (8, 4, 4, 4, 12))


def lines_of_key() -> str:
    """Draw the content of a key in PEM."""
    return "\n".join(draw(BASE64, 64) for _ in range(12))


PASSWORD: Final = "hunter" + "2"
STRONG: Final = "Tr0ub4" + "dor&3x"
SYMBOLS: Final = "p@ss;w" + "0rd!#"
LONG: Final = draw(ALNUM, 32)

Shape = tuple[str, str, str]
"""What it is, the lines, and the secret."""

IN_PLACES: Final[tuple[Shape, ...]] = (
    # URLs in JSON that PHP wrote
    ("URL of PHP", r'{{"message":"mysql:\/\/app:{}@db:3306\/shop refused"}}', PASSWORD),
    (
        "URL of PHP in JSON",
        r'{{"log":"{{\"message\":\"amqp:\\\/\\\/app:{}@mq refused\"}}"}}',
        STRONG,
    ),
    # what parsers of options and settings refuse
    ("flag of Go", 'invalid value "{}" for flag -password: parse error', PASSWORD),
    ("boolean of Go", 'invalid boolean value "{}" for -db-password: parse error', PASSWORD),
    ("cobra", 'invalid argument "{}" for "-p, --password" flag: strconv.ParseInt: parsing', STRONG),
    ("clap", "error: invalid value '{}' for '--api-key <API_KEY>': too short", LONG),
    ("argparse", "app: error: argument --password: invalid int value: '{}'", PASSWORD),
    ("argparse, short", "app: error: argument -p/--password: invalid int value: '{}'", STRONG),
    (
        "envconfig",
        "envconfig.Process: assigning DB_PASSWORD to Password: converting '{}' to type int",
        LONG,
    ),
    (
        "setting of Go",
        'error on field "Password" of type "int": strconv.ParseInt: parsing "{}"',
        LONG,
    ),
    ("rule of Redis", ">>> 'user app on >{} ~* +@all'", PASSWORD),
    # assignments in the notation of many languages
    ("shell variable", "DB_PASSWORD={}", PASSWORD),
    ("export", "+ export REDIS_PASSWORD='{}'", STRONG),
    ("short variable", "SMTP_PASS={}", PASSWORD),
    ("glued variable", "MYSQL_ROOT_PW={}", PASSWORD),
    ("auth variable", "REDIS_AUTH={}", draw(ALNUM, 20)),
    ("Rails", "SECRET_KEY_BASE={}", draw(HEX, 64)),
    ("Laravel", "APP_KEY=base64:{}", draw(BASE64, 43, after="=")),
    ("Django", "SECRET_KEY = 'django-insecure-{}'", draw(LOWER + DIGITS + "#$%&*(-_=+", 50)),
    ("variable with a suffix", "API_TOKEN_PRODUCTION={}", draw(ALNUM, 24)),
    ("properties", "spring.datasource.password={}", STRONG),
    ("properties with blanks", "javax.net.ssl.keyStorePassword = {}", STRONG),
    ("YAML", "  password: {}", PASSWORD),
    ("YAML block", "password: |\n  {}\nuser: bob", STRONG),
    ("YAML of a Secret", "kind: Secret\ndata:\n  password: {}", draw(BASE64, 23, after="=")),
    ("JSON", '{"user":"app","password":"{}","port":5432}', STRONG),
    ("JSON in JSON", r'{"msg":"{\"password\":\"{}\"}"}', STRONG),
    ("JSON twice in JSON", r'"{\\\"clientSecret\\\":\\\"{}\\\"}"', draw(ALNUM, 24)),
    ("JSON escaped for HTML", r"GET /cb?access_token\u003d{}\u0026x\u003d1", LONG),
    ("XML element", "<password>{}</password>", PASSWORD),
    (
        "XML element with a namespace",
        '<wsse:Password Type="PasswordText">{}</wsse:Password>',
        STRONG,
    ),
    ("XML attributes", '<add key="DbPassword" value="{}"/>', STRONG),
    ("XML attribute", '<user name="bob" password="{}" />', STRONG),
    ("HTML entities", "&quot;password&quot;:&quot;{}&quot;", PASSWORD),
    ("URL-encoded form", "body: username%3Dbob%26password%3D{}", PASSWORD),
    ("form", "username=bob&password={}&remember=1", PASSWORD),
    ("Python dict", "{'user': 'app', 'password': '{}'}", STRONG),
    ("Python bytes", "{b'token': b'{}'}", LONG),
    ("Python repr", "Settings(user='app', db_password='{}', port=1)", STRONG),
    ("Python tuples", "[('user', 'app'), ('password', '{}')]", STRONG),
    ("Go struct", "{User:app Password:{} Host:db Port:5432}", STRONG),
    ("Go struct with types", 'config.DB{User:"app", Password:"{}", Host:"db"}', STRONG),
    ("Go map", "map[password:{} user:app]", STRONG),
    ("Go environment", "{Name:DB_PASSWORD Value:{} ValueFrom:nil}", STRONG),
    ("Kubernetes environment", '{"name":"DB_PASSWORD","value":"{}"}', STRONG),
    ("YAML environment", "- name: DB_PASSWORD\n  value: {}", STRONG),
    ("Java toString", "DataSource[url=jdbc:x, user=app, password={}]", PASSWORD),
    ("Java map", "{user=app, apiKey={}, retries=3}", draw(ALNUM, 24)),
    ("Kotlin data class", "Credentials(user=app, secret={})", draw(ALNUM, 24)),
    ("Scala", "Config(Some(app),password -> {})", PASSWORD),
    ("Rust debug", 'Config { user: "app", password: Some("{}") }', STRONG),
    ("Rust newtype", 'Config { token: SecretString("{}") }', LONG),
    ("Ruby hash", '{:user=>"app", :password=>"{}"}', STRONG),
    ("Ruby hash of now", '{user: "app", password: "{}"}', STRONG),
    ("PHP array", "array('user' => 'app', 'password' => '{}')", STRONG),
    ("PHP print_r", "Array\n(\n    [user] => app\n    [password] => {}\n)", PASSWORD),
    ("PHP var_dump", 'array(1) {\n  ["password"]=>\n  string(7) "{}"\n}', PASSWORD),
    ("Perl", "$VAR1 = { 'password' => '{}' };", STRONG),
    ("Elixir", '%{password: "{}", username: "app"}', STRONG),
    ("Erlang", '[{user,"app"},{password,"{}"}]', STRONG),
    ("Erlang binary", '{password,<<"{}">>}', STRONG),
    ("Clojure", '{:user "app", :password "{}"}', STRONG),
    ("Lua", 'password = "{}"', STRONG),
    ("C#", 'Password = "{}", Timeout = 30', STRONG),
    ("Node inspect", "{ user: 'app', password: '{}' }", STRONG),
    ("Terraform", 'db_password = "{}"', STRONG),
    ("TOML", 'api_key = "{}"', draw(ALNUM, 32)),
    ("INI", "bind_pw = {}", PASSWORD),
    ("logfmt", 'level=error msg=x token="{}" user=bob', LONG),
    ("camel case", '"refreshToken": "{}"', LONG),
    ("WireGuard", "PrivateKey = {}", draw(BASE64, 43, after="=")),
    ("JWK", '{"kty":"EC","crv":"P-256","d":"{}","x":"abc"}', draw(URL_SAFE, 43)),
    ("words for a name", "API Key: {}", draw(ALNUM, 24)),
    ("another language", "Contraseña: {}", PASSWORD),
    ("another script", "密码：{}", PASSWORD),
    # connection strings and URLs
    ("PostgreSQL URL", "postgres://app:{}@db:5432/shop?sslmode=disable", PASSWORD),
    ("password with signs in a URL", "mysql://root:{}@db/shop", "p@ss/w" + "0rd#1"),
    ("Redis URL", "redis://:{}@cache:6379/0", PASSWORD),
    ("AMQP URL", "amqp://guest:{}@rabbit:5672/%2f", PASSWORD),
    ("MongoDB URL", "mongodb+srv://app:{}@cluster0.abcde.mongodb.net/db", STRONG),
    (
        "URL with a token",
        "fatal: unable to access 'https://{}@github.com/x/y.git/'",
        draw(ALNUM, 40),
    ),
    ("proxy URL", "HTTPS_PROXY=http://bob:{}@proxy:3128", PASSWORD),
    ("Sentry DSN", "dsn=https://{}@o123.ingest.sentry.io/456", draw(HEX, 32)),
    ("Go MySQL DSN", "dial app:{}@tcp(10.0.0.7:3306)/shop failed", STRONG),
    ("libpq", "host=db port=5432 user=app password={} dbname=shop", PASSWORD),
    (".NET", "Server=db;Database=shop;User Id=sa;Password={};Encrypt=True", STRONG),
    (".NET, short", "Data Source=db;uid=sa;pwd={};", PASSWORD),
    ("JDBC", "jdbc:mysql://db/shop?user=app&password={}&useSSL=false", PASSWORD),
    ("JDBC of Oracle", "jdbc:oracle:thin:scott/{}@//db:1521/XE", "tig3r" + "s9"),
    (
        "Azure Storage",
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=y",
        draw(BASE64, 86, after="=="),
    ),
    (
        "Service Bus",
        "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey={}",
        draw(BASE64, 43, after="="),
    ),
    (
        "SAS",
        "https://x.blob.core.windows.net/c/b?sv=2022-11-02&se=2026&sp=r&sig={}",
        draw(ALNUM, 43, after="%3D"),
    ),
    (
        "presigned S3 URL",
        "https://b.s3.amazonaws.com/k?X-Amz-Expires=60&X-Amz-Signature={}",
        draw(HEX, 64),
    ),
    (
        "signed GCS URL",
        "https://storage.googleapis.com/b/k?X-Goog-SignedHeaders=host&X-Goog-Signature={}",
        draw(HEX, 64),
    ),
    ("query of an API", "GET https://api.example.com/v1/x?api_key={} 500", draw(ALNUM, 32)),
    ("query named key", "GET https://maps.example.com/json?key={} 403", draw(URL_SAFE, 39)),
    ("OAuth code", "GET /callback?code={}&state=xyz 400", draw(URL_SAFE, 40)),
    ("reset link", "mail sent: https://example.com/reset-password/{}", draw(URL_SAFE, 43)),
    ("JAAS", 'PlainLoginModule required username="app" password="{}";', STRONG),
    ("pgpass", "db.example.com:5432:shop:app:{}", STRONG),
    ("netrc", "machine api.example.com login bob password {}", PASSWORD),
    ("npmrc", "//registry.npmjs.org/:_authToken={}", uuid()),
    ("Docker config", '{"auths":{"r.example.com":{"auth":"{}"}}}', draw(BASE64, 30, after="==")),
    (
        "Docker config in a Secret",
        ".dockerconfigjson: {}",
        draw(BASE64, 60, before="eyJh" + "dXRocyI6"),
    ),
    ("kubeconfig", "    client-key-data: {}", draw(BASE64, 80, before="LS0tLS1CRUdJTi" + "BSU0Eg")),
    # headers
    ("bearer", "Authorization: Bearer {}", draw(URL_SAFE, 40)),
    ("basic", "> Authorization: Basic {}", draw(BASE64, 24)),
    (
        "AWS signature",
        "Authorization: AWS4-HMAC-SHA256 Credential=A/2026/eu/s3/aws4_request, SignedHeaders=host, Signature={}",
        draw(HEX, 64),
    ),
    (
        "digest",
        'Digest username="bob", realm="x", nonce="y", uri="/", response="{}"',
        draw(HEX, 32),
    ),
    ("Go headers", "map[Accept:[*/*] Authorization:[Bearer {}]]", draw(URL_SAFE, 40)),
    ("Node raw headers", "[ 'Host', 'x', 'Authorization', 'Bearer {}' ]", draw(URL_SAFE, 40)),
    ("axios", "headers: { 'X-Api-Key': '{}' }", draw(ALNUM, 32)),
    ("GitLab header", "PRIVATE-TOKEN: {}", draw(URL_SAFE, 20)),
    ("Vault header", "X-Vault-Token: {}", draw(ALNUM, 24)),
    ("Azure header", "Ocp-Apim-Subscription-Key: {}", draw(HEX, 32)),
    ("cookie", "Cookie: theme=dark; sessionid={}", draw(LOWER + DIGITS, 32)),
    ("set-cookie", "Set-Cookie: connect.sid={}; Path=/; HttpOnly", draw(ALNUM, 40)),
    ("HTTP/2", 'http2: header field "authorization" = "Bearer {}"', draw(URL_SAFE, 40)),
    ("proxy", "Proxy-Authorization: Basic {}", draw(BASE64, 24)),
    ("bearer in a sentence", "request with bearer {} was refused", draw(ALNUM, 40)),
    # commands, arguments, protocols, SQL
    ("flag", "mysqldump --user=root --password={} shop", PASSWORD),
    ("flag with a blank", "exec: vault login --token {} failed", draw(ALNUM, 26)),
    ("arguments as JSON", '["server","--admin-password","{}","--port","80"]', STRONG),
    ("mysql -p", "mysql -h db -uroot -p{} shop", STRONG),
    ("redis-cli -a", "redis-cli -h cache -a {} ping", PASSWORD),
    ("sshpass", "sshpass -p {} ssh root@node", PASSWORD),
    ("curl -u", "curl -sf -u admin:{} https://x/y", PASSWORD),
    ("docker login", "docker login -u bob -p {} r.example.com", STRONG),
    ("openssl", "openssl rsa -in k.pem -passin pass:{}", PASSWORD),
    ("keytool", "keytool -list -keystore x.jks -storepass {}", "change" + "1t"),
    ("Java property", "-Djavax.net.ssl.trustStorePassword={}", STRONG),
    (
        "kubeadm",
        "kubeadm join 10.0.0.1:6443 --token {}",
        draw(LOWER + DIGITS, 6) + "." + draw(LOWER + DIGITS, 16),
    ),
    ("Redis AUTH", '"AUTH" "{}"', STRONG),
    ("Redis configuration", "requirepass {}", PASSWORD),
    ("SMTP AUTH", "AUTH PLAIN {}", draw(BASE64, 28)),
    ("FTP PASS", "---> PASS {}", PASSWORD),
    ("SQL, MySQL", "CREATE USER 'app'@'%' IDENTIFIED BY '{}'", STRONG),
    ("SQL, PostgreSQL", "STATEMENT:  ALTER ROLE app WITH PASSWORD '{}';", STRONG),
    ("SQL, Oracle", "ALTER USER app IDENTIFIED BY {}", PASSWORD),
    # sentences
    (
        "MySQL's first start",
        "[Note] A temporary password is generated for root@localhost: {}",
        "hXkd(aZ" + "9t!p",
    ),
    ("Spring Boot's", "Using generated security password: {}", uuid()),
    (
        "Jenkins'",
        "Please use the following password to proceed to installation:\n\n{}\n\nThis may",
        draw(HEX, 32),
    ),
    (
        "Elasticsearch's",
        "Password for the elastic user (reset with `bin/x`):\n  {}",
        draw(ALNUM + "*=+-", 20),
    ),
    ("password is", "the initial admin password is {}", STRONG),
    ("password in quotes", "login failed with password '{}'", STRONG),
    ("a token in a sentence", "401: token {} is not valid", draw(ALNUM, 36)),
    ("OpenAI's answer", "Incorrect API key provided: {}. You can find", draw(ALNUM, 30)),
    ("one-time code", "Your verification code is {}", draw(DIGITS, 6)),
    (
        "words",
        "mnemonic: {}",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
    ),
)

PEM: Final = "PRIVATE" + " KEY-----"

OF_FORMS: Final[tuple[Shape, ...]] = (
    ("PEM", f"-----BEGIN RSA {PEM}\n{{}}\n-----END RSA {PEM}", lines_of_key()),
    ("PEM without its end", f"x\n-----BEGIN {PEM}\n{{}}", lines_of_key()),
    ("PEM without its start", f"{{}}\n-----END {PEM}\nx", lines_of_key()),
    (
        "PEM in JSON",
        f'"private_key": "-----BEGIN {PEM}\\n{{}}\\n-----END {PEM}\\n"',
        draw(BASE64, 64),
    ),
    (
        "PEM with prefixes",
        f"app | -----BEGIN EC {PEM}\napp | {{}}\napp | -----END EC {PEM}",
        draw(BASE64, 64),
    ),
    (
        "PGP",
        "-----BEGIN PGP PRIVATE"
        + " KEY BLOCK-----\n\n{}\n-----END PGP PRIVATE"
        + " KEY BLOCK-----",
        lines_of_key(),
    ),
    (
        "SSH2",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE"
        + " KEY ----\n{}\n---- END SSH2 ENCRYPTED PRIVATE"
        + " KEY ----",
        lines_of_key(),
    ),
    (
        "PuTTY",
        "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{}\nPrivate-MAC: ab",
        draw(BASE64, 48),
    ),
    (
        "the key alone",
        "key is {} there",
        draw(BASE64, 200, before="MIIEvQIBADANBgkqhk" + "iG9w0BAQEFAASC"),
    ),
    ("age", "{}", draw("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58, before="AGE-SECRET" + "-KEY-1")),
    (
        "extended private key",
        "wallet {}",
        draw("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 107, before="xprv"),
    ),
    ("bcrypt", "hash mismatch {}", "$2b$12$" + draw(ALNUM + "./", 53)),
    ("SHA-512 crypt", "root:{}:19000:0:99999", "$6$abcdefgh$" + draw(ALNUM + "./", 86)),
    (
        "Argon2",
        "stored {}",
        "$argon2id$v=19$m=65536,t=3,p=4$" + draw(BASE64, 22) + "$" + draw(BASE64, 43),
    ),
    (
        "SCRAM",
        "rolpassword {}",
        "SCRAM-SHA-256$4096:"
        + draw(BASE64, 22)
        + "==$"
        + draw(BASE64, 43)
        + "=:"
        + draw(BASE64, 43)
        + "=",
    ),
    ("AWS access key id", "key {} refused", draw(BASE32, 16, before="AK" + "IA")),
    ("AWS pair", "AK" + "IAQWERTYUIOPASDFGH {}", draw(BASE64, 40)),
    ("AWS secret by name", "aws_secret_access_key = {}", draw(BASE64, 40)),
    (
        "JWT",
        "claims of {} expired",
        "eyJ" + draw(URL_SAFE, 33) + ".eyJ" + draw(URL_SAFE, 60) + "." + draw(URL_SAFE, 43),
    ),
    ("GitHub", "using {}", draw(ALNUM, 36, before="gh" + "p_")),
    ("GitHub, app", "using {}", draw(ALNUM, 36, before="gh" + "s_")),
    ("GitHub, fine-grained", "using {}", draw(ALNUM, 82, before="github" + "_pat_")),
    ("GitLab", "using {}", draw(URL_SAFE, 20, before="gl" + "pat-")),
    ("GitLab runner", "using {}", draw(URL_SAFE, 20, before="gl" + "rt-")),
    (
        "Slack bot",
        "using {}",
        "xo" + "xb-" + draw(DIGITS, 7) + "123456-1234567890123-" + draw(ALNUM, 24),
    ),
    (
        "Slack webhook",
        "post to https://hooks.slack.com/services/{}",
        "T0" + draw(UPPER + DIGITS, 8) + "/B0" + draw(UPPER + DIGITS, 8) + "/" + draw(ALNUM, 24),
    ),
    (
        "Discord webhook",
        "https://discord.com/api/webhooks/{}",
        "1234567890123" + "45678/" + draw(URL_SAFE, 68),
    ),
    (
        "Discord bot",
        "login with {}",
        "M" + draw(ALNUM, 23) + "." + draw(ALNUM, 6) + "." + draw(URL_SAFE, 27),
    ),
    (
        "Teams webhook",
        "https://x.webhook.office.com/webhookb2/{}",
        uuid() + "@" + uuid() + "/IncomingWebhook/" + draw(HEX, 32),
    ),
    (
        "Telegram",
        "GET https://api.telegram.org/bot{}/getMe",
        "123456" + "7890:AA" + draw(URL_SAFE, 33),
    ),
    ("Telegram bot", "bot {} started", "123456" + "7890:AA" + draw(URL_SAFE, 33)),
    ("Google API", "using {}", draw(URL_SAFE, 35, before="AI" + "za")),
    ("Google OAuth", "using {}", draw(URL_SAFE, 60, before="ya" + "29.")),
    ("Google client", "using {}", draw(URL_SAFE, 28, before="GOC" + "SPX-")),
    ("Google refresh", "using {}", draw(URL_SAFE, 60, before="1/" + "/0")),
    ("Stripe", "using {}", draw(ALNUM, 24, before="sk" + "_live_")),
    ("Stripe webhook", "using {}", draw(ALNUM, 32, before="wh" + "sec_")),
    ("OpenAI", "using {}", draw(ALNUM, 48, before="sk" + "-proj-")),
    ("Anthropic", "using {}", draw(URL_SAFE, 93, before="sk" + "-ant-api03-", after="AA")),
    ("Hugging Face", "using {}", draw(ALNUM, 34, before="hf" + "_")),
    ("Replicate", "using {}", draw(ALNUM, 37, before="r8" + "_")),
    ("npm", "using {}", draw(ALNUM, 36, before="np" + "m_")),
    ("PyPI", "using {}", draw(URL_SAFE, 60, before="py" + "pi-AgEIcHlwaS5vcmc")),
    ("RubyGems", "using {}", draw(HEX, 48, before="rubygems" + "_")),
    ("crates.io", "using {}", draw(ALNUM, 32, before="ci" + "o")),
    ("Docker Hub", "using {}", draw(URL_SAFE, 27, before="dckr" + "_pat_")),
    ("Artifactory", "using {}", draw(ALNUM, 69, before="AK" + "Cp")),
    ("DigitalOcean", "using {}", draw(HEX, 64, before="do" + "p_v1_")),
    ("Databricks", "using {}", draw(HEX, 32, before="da" + "pi")),
    ("Grafana", "using {}", draw(ALNUM, 32, before="gl" + "sa_") + "_" + draw(HEX, 8)),
    ("New Relic", "using {}", draw(UPPER + DIGITS, 27, before="NR" + "AK-")),
    ("Sentry", "using {}", draw(HEX, 64, before="sntry" + "u_")),
    ("SendGrid", "using {}", "SG" + "." + draw(URL_SAFE, 22) + "." + draw(URL_SAFE, 43)),
    ("Mailgun", "using {}", draw(HEX, 32, before="ke" + "y-")),
    ("Mailchimp", "using {}", draw(HEX, 32, after="-us12")),
    ("Twilio", "using {}", draw(HEX, 32, before="S" + "K")),
    ("Shopify", "using {}", draw(HEX, 32, before="shp" + "at_")),
    ("Square", "using {}", draw(URL_SAFE, 22, before="sq" + "0atp-")),
    ("Facebook", "using {}", draw(ALNUM, 120, before="EA" + "A")),
    ("Vault", "using {}", draw(URL_SAFE, 90, before="hv" + "s.")),
    ("Vault, old", "using {}", draw(ALNUM, 24, before="s" + ".")),
    ("Terraform Cloud", "using {}", draw(ALNUM, 14) + ".atlas" + "v1." + draw(URL_SAFE, 67)),
    ("Pulumi", "using {}", draw(HEX, 40, before="pu" + "l-")),
    ("Doppler", "using {}", draw(ALNUM, 43, before="dp" + ".pt.")),
    ("Atlassian", "using {}", draw(ALNUM, 186, before="ATA" + "TT3")),
    ("Postman", "using {}", "PM" + "AK-" + draw(HEX, 24) + "-" + draw(HEX, 34)),
    ("PlanetScale", "using {}", draw(URL_SAFE, 43, before="pscale" + "_tkn_")),
    ("Linear", "using {}", draw(ALNUM, 40, before="lin" + "_api_")),
    ("Notion", "using {}", draw(ALNUM, 46, before="nt" + "n_")),
    ("Figma", "using {}", draw(URL_SAFE, 40, before="fig" + "d_")),
    ("Fly.io", "using {}", draw(BASE64, 100, before="fm" + "2_")),
    ("Tailscale", "using {}", "tskey" + "-auth-" + draw(ALNUM, 12) + "CNTRL-" + draw(ALNUM, 32)),
    ("Azure AD", "using {}", draw(ALNUM, 3) + "8Q" + "~" + draw(ALNUM, 34)),
    (
        "1Password",
        "using {}",
        "A3"
        + "-"
        + draw(UPPER + DIGITS, 6)
        + "-"
        + draw(UPPER + DIGITS, 11)
        + "-"
        + "-".join(draw(UPPER + DIGITS, 5) for _ in range(3)),
    ),
    ("Alibaba", "using {}", draw(ALNUM, 20, before="LT" + "AI")),
    ("Datadog", "DD_API_KEY={}", draw(HEX, 32)),
    ("Heroku", "HEROKU_API_KEY={}", uuid()),
    ("Cloudflare", "cloudflare_api_token={}", draw(URL_SAFE, 40)),
    ("Supabase", "using {}", draw(HEX, 40, before="sb" + "p_")),
    (
        "Braintree",
        "using {}",
        "access_token" + "$production$" + draw(LOWER + DIGITS, 16) + "$" + draw(HEX, 32),
    ),
    ("Okta", "Authorization: SSWS {}", draw(URL_SAFE, 40, before="00")),
)

MORE: Final[tuple[Shape, ...]] = (
    ("Dockerfile", "ENV DB_PASSWORD {}", PASSWORD),
    ("csh", "setenv API_TOKEN {}", LONG),
    ("Redis CONFIG", "CONFIG SET requirepass {}", PASSWORD),
    ("HAR", '{"name":"Authorization","value":"Bearer {}"}', LONG),
    ("HAR key", '{"key":"x-api-key","value":"{}"}', LONG),
    ("requests auth", "requests.get(url, auth=('bob', '{}'))", PASSWORD),
    ("HTTPBasicAuth", "HTTPBasicAuth('bob', '{}')", PASSWORD),
    ("PDO", "#0 /app/db.php(12): PDO->__construct('mysql:host=db', 'root', '{}')", PASSWORD),
    ("mysqli", "mysqli_connect('db', 'root', '{}')", PASSWORD),
    ("sudo -S", "sh -c echo {} | sudo -S reboot", PASSWORD),
    ("password-stdin", "echo {} | docker login --password-stdin", PASSWORD),
    ("from-literal", "kubectl create secret generic x --from-literal=password={}", PASSWORD),
    ("helm", "helm upgrade --set db.password={}", PASSWORD),
    ("table", "| password | {} |", PASSWORD),
    ("aligned", "password      {}", PASSWORD),
    ("bare", "login with password {} failed", PASSWORD),
    ("user/pass", "Username/Password: bob/{}", PASSWORD),
    ("net use", r"net use \\srv\share {} /user:bob", PASSWORD),
    ("slash", "xfreerdp /u:bob /p:{}", PASSWORD),
    ("env key", "STRIPE_KEY={}", LONG),
    ("otpauth", "otpauth://totp/x?secret={}&issuer=y", "JBSWY3DP" + "EHPK3PXP"),
    ("rabbit", "rabbitmqctl add_user bob {}", PASSWORD),
    ("chpasswd", 'echo "root:{}" | chpasswd', PASSWORD),
    ("htpasswd", "htpasswd -b /f bob {}", PASSWORD),
    ("smbclient", "smbclient -U bob%{} //h/s", PASSWORD),
    ("lftp", "lftp -u bob,{} h", PASSWORD),
    ("zip", "zip -P {} x.zip", PASSWORD),
    ("7z", "7z a -p{} x.7z", PASSWORD),
    ("openssl -k", "openssl enc -aes-256-cbc -k {} -in x", PASSWORD),
    ("gpg", "gpg --batch --passphrase {} -d x", PASSWORD),
    ("cqlsh", "cqlsh -u a -p {} h", PASSWORD),
    ("ipmitool", "ipmitool -H h -U a -P {} power", PASSWORD),
    ("RESP", "*2\n$4\nAUTH\n$7\n{}\n", PASSWORD),
    ("USER PASS", "USER bob\nPASS {}\n", PASSWORD),
    ("IMAP", "a1 LOGIN bob {}", PASSWORD),
    ("SET PASSWORD", "SET PASSWORD FOR 'a'@'%' = '{}'", PASSWORD),
    ("INSERT", "INSERT INTO users (name, password) VALUES ('bob', '{}')", PASSWORD),
    ("brackets", "password[{}]", PASSWORD),
    ("parens", "connect user(bob) password({})", PASSWORD),
    ("two tokens", '"tokens": ["{}", "x"]', LONG),
    ("cisco", "username bob password 0 {}", PASSWORD),
    ("wpa", 'psk="{}"', STRONG),
    ("snmp", "snmp-server community {} RO", PASSWORD),
    ("VALUES", r"{\u0022password\u0022:\u0022{}\u0022}", PASSWORD),
    ("url json", "%7B%22password%22%3A%22{}%22%7D", PASSWORD),
    ("sasl", "sasl.password = {}", PASSWORD),
    ("java naming", "java.naming.security.credentials={}", PASSWORD),
    ("Hikari", "HikariConfig - password........................{}", PASSWORD),
    ("Spring bean", "bean property 'password' with value [{}]", PASSWORD),
    ("setPassword", 'setPassword("{}")', PASSWORD),
    ("with_password", "user.with_password('{}')", PASSWORD),
    ("creds pair", "credentials: bob:{}", PASSWORD),
    ("login", "login=bob passwd={}", PASSWORD),
    ("PHP ini", "mysqli.default_pw = {}", PASSWORD),
    ("wp", "define('DB_PASSWORD', '{}');", PASSWORD),
    ("wp key", "define( 'AUTH_KEY', '{}' );", draw(ALNUM, 32)),
    ("Ruby env", 'ENV["API_TOKEN"] = "{}"', LONG),
    ("PS", '$env:API_TOKEN="{}"', LONG),
    ("cmd", "set DB_PASSWORD={}", PASSWORD),
    ("yaml list", "- --password\n- {}", PASSWORD),
    ("k8s args", 'args: ["--token","{}"]', LONG),
    ("exec form", 'exec: ["mysql","-p{}"]', PASSWORD),
    ("Helm values", "auth:\n  rootPassword: {}", PASSWORD),
    ("docker inspect", '"Env": ["MYSQL_ROOT_PASSWORD={}"]', PASSWORD),
    ("HTTP log", '"GET /x?password={} HTTP/1.1" 200', PASSWORD),
    ("referer", "referer=https://x/y?token={}", LONG),
    ("graphql", r"query{login(password:\"{}\")}", PASSWORD),
    ("protobuf", 'password: "{}" user: "x"', PASSWORD),
    ("Thrift", "Auth(user:bob, password:{})", PASSWORD),
    ("Avro", '{"password": {"string": "{}"}}', PASSWORD),
    ("Mongo shell", "db.auth('bob', '{}')", PASSWORD),
    ("Mongo createUser", "createUser: 'bob', pwd: '{}'", PASSWORD),
    ("Oracle sqlplus", "sqlplus scott/{}@db", PASSWORD),
    ("Snowflake", "snowflake://bob:{}@acct/db", PASSWORD),
    ("Vault unseal", "Unseal Key 1: {}", "bXlTZWNy" + "ZXRVbnNlYWxLZXkxMjM0NTY3ODkwYWI="),
    ("Vault root", "Initial Root Token: {}", draw(URL_SAFE, 24, before="hv" + "s.")),
    ("Grafana, again", "admin password: {}", PASSWORD),
    ("ArgoCD", "argocd initial password is: {}", "aB3dE6gH" + "9jK2mN5p"),
    ("MinIO", "RootUser: minio RootPass: {}", PASSWORD),
    ("Keycloak", "KC_BOOTSTRAP_ADMIN_PASSWORD={}", PASSWORD),
    ("k3s", "K10abcdef::server:{}", draw(HEX, 32)),
    ("NATS", "nats://tok:{}@h", PASSWORD),
    ("Consul", "SecretID:         {}", uuid()),
    ("Nomad", "Secret ID    = {}", uuid()),
    ("Heroku, again", "postgres://u:{}@ec2/db", LONG),
    ("Firebase", '"current_key": "{}"', draw(URL_SAFE, 35, before="AI" + "za")),
    ("ssh pass", "Enter passphrase for key '/k': {}", PASSWORD),
    ("git cred", "username=bob\npassword={}\n", PASSWORD),
    ("askpass", "Password for 'https://bob@x': {}", PASSWORD),
    ("jwt hdr", "x-access-token: {}", LONG),
    ("cookie2", "sessionid={}; Path=/", LONG),
    ("PHPSESSID", "PHPSESSID={}", draw(HEX, 24)),
)
"""Rarer ones."""

WORD: Final = "sword" + "fish"

IN_MORE_NOTATIONS: Final[tuple[Shape, ...]] = (
    ("word pw env", "DB_PASSWORD={}", WORD),
    ("word pw yaml", "password: {}", WORD),
    ("word json", '{"password":"{}"}', WORD),
    ("word flag", "--password={}", WORD),
    ("word url", "redis://:{}@h", WORD),
    ("word dsn", "user=app password={} host=db", WORD),
    ("upper json", '{"PASSWORD":"{}"}', PASSWORD),
    ("nested", '{"db":{"user":"a","pass":"{}"}}', PASSWORD),
    ("single", "{pass: '{}'}", PASSWORD),
    ("arrow", "pass -> {}", PASSWORD),
    ("colon eq", "secret := {}", PASSWORD),
    ("triple", "password === {}", PASSWORD),
    ("env dump", "HOME=/root\nAPI_SECRET={}\nPATH=/bin", LONG),
    ("declare", 'declare -x AWS_SECRET_ACCESS_KEY="{}"', draw(BASE64, 40)),
    ("printenv json", '"AWS_SESSION_TOKEN": "{}"', draw(BASE64, 60)),
    (
        "gcp key",
        '"private_key_id": "x", "private_key": "-----BEGIN PRIVATE' + ' KEY-----\\n{}\\n"',
        "MIIEvQIBADANBgkqhkiG9w0BAQ" + "EFAASCBKcw",
    ),
    ("docker", '{"username":"bob","password":"{}","serveraddress":"r"}', PASSWORD),
    ("http body", 'body="grant_type=password&username=bob&password={}"', PASSWORD),
    ("client cred", "grant_type=client_credentials&client_id=a&client_secret={}", LONG),
    ("code ex", "code={}&redirect_uri=x", "SplxlOBeZQQYbYS6WxSbIA" + "1"),
    ("id token", "id_token={}", draw(URL_SAFE, 30, before="eyJ") + ".e30.abc"),
    ("xauth", "X-Auth-Token:{}", LONG),
    ("x-gitlab", "X-Gitlab-Token: {}", PASSWORD),
    ("hdr dict", "{'X-API-KEY': '{}'}", LONG),
    ("hdr tup", "('x-api-key', '{}')", LONG),
    ("hdr arr", '["x-api-key: {}"]', LONG),
    ("aws hdr", "x-amz-security-token: {}", LONG),
    ("curl H", "curl -H 'Authorization: Bearer {}' x", LONG),
    ("curl H2", 'curl -H "X-Api-Key: {}" x', LONG),
    ("curl b", "curl -b 'sid={}' x", LONG),
    ("curl d", 'curl -d \'{"password":"{}"}\' x', PASSWORD),
    ("wget", "wget --http-password={} x", PASSWORD),
    ("psql", "PGPASSWORD={} psql -h db", PASSWORD),
    ("psql url", "psql postgres://a:{}@h/d", PASSWORD),
    ("mongo", "mongosh -u a -p {} h", PASSWORD),
    ("mongodump", "mongodump --uri=mongodb://a:{}@h", PASSWORD),
    ("ansible", "ansible-playbook -e ansible_password={} x", PASSWORD),
    (
        "ssh key file",
        "-----BEGIN DSA PRIVATE" + " KEY-----\n{}\n",
        "MIIBuwIBAAKBgQ" + "D0123456789abcdefghijk",
    ),
    ("rclone", "pass = {}", "AbCdEf123_-xyz987"),
    ("tf var", 'TF_VAR_db_password="{}"', PASSWORD),
    ("tf plan", '+ password = "{}"', PASSWORD),
    ("helm diff", "+   password: {}", PASSWORD),
    ("git diff", "-DB_PASS={}", PASSWORD),
    ("java prop", "[password={}]", PASSWORD),
    ("java rec", "User[name=bob, password={}]", PASSWORD),
    ("lombok", "User(name=bob, password={}, x=1)", PASSWORD),
    ("jackson", '"password" : "{}"', PASSWORD),
    ("hibernate", "connection.password={}", PASSWORD),
    ("jdbc dots", "spring.redis.password: {}", PASSWORD),
    ("kafka", "ssl.keystore.password = {}", PASSWORD),
    ("kafka2", 'sasl.jaas.config = x required username="a" password="{}";', PASSWORD),
    ("net", "ConnectionString: Server=x;Password={};", PASSWORD),
    ("net core", '"ConnectionStrings": {"Db": "Server=x;Pwd={};"}', PASSWORD),
    (
        "azure func",
        "AzureWebJobsStorage=DefaultEndpointsProtocol=https;AccountKey={};",
        draw(BASE64, 86, after="=="),
    ),
    ("appinsights", "InstrumentationKey={}", uuid()),
    ("ado", "SYSTEM_ACCESSTOKEN={}", LONG),
    ("elixir", "password: ~s({})", PASSWORD),
    ("elixir2", '[password: "{}"]', PASSWORD),
    ("haskell", 'Config {password = "{}"}', PASSWORD),
    ("ocaml", '{ password = "{}" }', PASSWORD),
    ("julia", 'password => "{}"', PASSWORD),
    ("R", "password = '{}'", PASSWORD),
    ("swift", 'Optional(password: "{}")', PASSWORD),
    ("dart", "{password: {}}", PASSWORD),
    ("ruby insp", '#<User password: "{}">', PASSWORD),
    ("ruby ivar", '@password="{}"', PASSWORD),
    ("perl dump", "'passwd' => '{}',", PASSWORD),
    ("php obj", '["password":protected]=>\n  string(7) "{}"', PASSWORD),
    ("php obj2", "[password:protected] => {}", PASSWORD),
    ("php var_export", "'password' => '{}',", PASSWORD),
    ("go %+v", "&{User:a Password:{}}", PASSWORD),
    ("go %#v", 'Password:"{}"', PASSWORD),
    ("go zap", '{"password": "{}"}', PASSWORD),
    ("rust", 'password: "{}", user', PASSWORD),
    ("rust2", 'Secret { inner: "{}" }', LONG),
    ("c printf", "passwd='{}'", PASSWORD),
    ("cpp", "password: '{}'", PASSWORD),
    ("sql1", "UPDATE users SET password = '{}' WHERE id=1", PASSWORD),
    ("sql2", "password='{}'", PASSWORD),
    ("sql3", "SELECT * FROM t WHERE api_key = '{}'", LONG),
    ("ldif", "userPassword: {}", PASSWORD),
    ("ldif64", "userPassword:: {}", "e1NTSEF9" + "abc123DEF456"),
    ("radius", 'User-Password = "{}"', PASSWORD),
    ("snip", 'Got password "{}" from', PASSWORD),
    ("told", "Your new password: {}", PASSWORD),
    ("told2", "temporary password is '{}'", PASSWORD),
    ("told3", "default credentials admin/{}", PASSWORD),
    ("told4", "user admin with password {}", PASSWORD),
    ("otp", "OTP: {}", "482913"),
    ("otp2", "one-time password {}", "482913"),
    ("pin", "PIN={}", "4829"),
    ("2fa", "2FA code: {}", "482913"),
    ("cvv", "cvv: {}", "123"),
    ("basic url", "http://h/x?auth={}", "YWRtaW46" + "aHVudGVyMg=="),
    ("jwt cookie", "Cookie: jwt={}", LONG),
    ("csrf", "csrf_token={}", LONG),
    ("wh secret", "webhook_secret={}", LONG),
    ("hmac", "hmac_key={}", draw(HEX, 32)),
    ("enc", "ENCRYPTION_KEY={}", draw(HEX, 32)),
    ("fernet", "FERNET_KEY={}", draw(URL_SAFE, 43, after="=")),
    ("licence", "LICENSE_KEY={}", "ABCD-1234-EFGH-5678"),
    ("kube cfg", "token: {}", draw(LOWER + DIGITS, 6) + "." + draw(LOWER + DIGITS, 16)),
    ("kube sa", "    token: {}", draw(URL_SAFE, 40, before="eyJ") + ".e30.c2ln"),
    ("secret data", "data:\n  tls.key: {}", draw(BASE64, 40, before="LS0tLS1CRUdJTi" + "BSU0Eg")),
    ("secret data2", "stringData:\n  password: {}", PASSWORD),
    ("secret annot", 'last-applied-configuration: {"data":{"password":"{}"}}', "aHVudG" + "VyMg=="),
    ("env from", "DB_PASS: {}", PASSWORD),
    ("mask part", "password=ab{}", PASSWORD),
    ("trailing", "password={}.", PASSWORD),
    ("comma", "password={},user=bob", PASSWORD),
    ("semi", "password={};x", PASSWORD),
    ("paren", "(password={})", PASSWORD),
    ("quote mix", "password=\"{}' ", PASSWORD),
    ("space eq", "password ={}", PASSWORD),
    ("tab", "password\t=\t{}", PASSWORD),
    ("nbsp", "password:\u00a0{}", PASSWORD),
    ("fullw", "password：{}", PASSWORD),
    ("zero w", "pass\u200bword={}", PASSWORD),
    ("ansi", "\x1b[31mpassword\x1b[0m={}", PASSWORD),
    ("crlf", "password=\r\n{}", PASSWORD),
    ("pct", "password%3A%20{}", PASSWORD),
    ("dbl enc", "password%253D{}", PASSWORD),
    ("html", "password=&quot;{}&quot;", PASSWORD),
    ("u003a", '\\"password\\"\\u003a\\"{}\\"', PASSWORD),
)

SHAPES: Final = IN_PLACES + OF_FORMS + MORE + IN_MORE_NOTATIONS

Redact = Callable[..., str]


def leaks(shown: str, secret: str) -> bool:
    """Say whether a secret is still there, whole or a half of it."""
    half = max(min(8, len(secret)), len(secret) // 2)
    return any(secret[at : at + half] in shown for at in range(len(secret) - half + 1))
