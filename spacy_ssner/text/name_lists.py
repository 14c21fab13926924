"""Data for telling domains from file names: endings, and names that are neither."""

# Country codes and generic top-level domains: the old ones, those of infrastructure, and the newer ones that
# turn up in reports. Not all 1,400: many are plain English words (`.here`, `.how`) that would do more harm.
COUNTRIES = """
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc
cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd
ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg
kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv
mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa
sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug
uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw рф бел укр срб 中国 中國 香港 台灣 한국
"""
GENERIC = """
com net org edu gov mil int info biz name mobi pro aero coop museum jobs tel travel cat post asia arpa xxx
onion bit i2p
academy accountant accountants agency amazonaws app art associates bank bar bargains berlin best bet bid bike
bio black blog blue boutique build builders business buzz cab cafe cam camp capital car cards care careers cars cash
casa casino center ceo cfd charity chat cheap christmas church city click clinic clothing cloud club coach codes
coffee college community company computer condos construction consulting contractors cool country coupons
courses credit creditcard cricket cyou dance date dating deals degree delivery democrat dental desi design dev
diamonds diet digital direct directory discount doctor domains download earth education email energy engineer
engineering enterprises equipment estate events exchange expert exposed express fail faith farm fashion finance
financial fish fit fitness flights florist football forex forsale foundation fun fund furniture futbol fyi
gallery game games garden gay gift gifts gives glass global gmbh gold golf graphics gratis green gripe group guide
guru hair haus health healthcare help hockey holdings holiday homes horse hospital host hosting house icu immo
immobilien industries ink institute insure international investments jetzt jewelry kaufen kim kitchen kiwi
koeln krd land lat lawyer lease legal lgbt life lighting limited limo link live llc loan loans lol london lotto love
ltd ltda makeup maison management market marketing mba media memorial men menu mom money monster mortgage moscow
motorcycles mov movie navy network news ngo ninja nyc observer okinawa ong online onl page paris partners parts
party pet photo photography photos pics pictures pink pizza place plumbing plus poker porn press productions
promo properties property pub qpon quest racing realty recipes red rehab reise reisen rent rentals repair report
republican rest restaurant review reviews rip rocks rodeo sale salon sbs school schule science security
services sex sexy shiksha shoes shop shopping show singles site ski skin social software solar solutions soy
space store stream studio study style sucks supplies supply support surf surgery systems tattoo tax taxi team
tech technology tennis theater theatre tickets tienda tips tires today tokyo tools top tours town toys trade
trading training tube university uno vacations vegas ventures vet viajes video villas vin vip vision vodka vote
voting voyage wang watch webcam wedding wien wiki win wine work works world wtf xin xyz yachts yoga yokohama zip zone
"""
TOP_LEVEL = frozenset((COUNTRIES + GENERIC).split())

EXTENSIONS = frozenset(
    """
exe dll sys scr drv ocx cpl efi mui msi msp msix appx bat cmd ps1 psm1 psd1 ps1xml vbs vbe vb js jse mjs wsf wsh
wsc hta jar war ear class lnk pif reg inf sct job gadget xll wll chm hlp url theme diagcab
doc docx docm dot dotm dotx xls xlsx xlsm xlsb xlam xla xlt xltm slk iqy ppt pptx pptm pps ppsx ppam rtf pdf odt ods
odp one pub mdb accdb mde ade csv tsv txt log md json jsonl xml yml yaml toml ini cfg conf config plist
zip rar 7z gz tgz tar bz2 tbz xz lzma lz4 zst cab ace arj iso img vhd vhdx vmdk vmem ova ovf dmg pkg deb rpm apk ipa
xpi crx nupkg whl egg
dat bin tmp temp bak old swp db sqlite sqlite3 sql dmp mdmp dump pcap pcapng evtx evt etl msg eml pst ost ics vcf
pem crt cer der key pfx p12 p7b jks kdbx gpg asc
cc py pyc pyd pyw pyx rb pl php php3 php4 php5 php7 phtml asp aspx ashx asmx ascx cshtml jsp jspx jspa cgi htm html
xhtml shtml mht mhtml css scss swf sh bash zsh ksh csh cs cpp cxx hpp java go rs swift kt lua asm scpt applescript ts
tsx jsx vue c h so dylib ko elf dex odex class smali o do pm
png jpg jpeg gif bmp ico svg tif tiff webp psd mp3 mp4 m4a avi wmv mov wav flv mkv ttf otf woff woff2 eot
yar yara rules manifest lock locked encrypted crypt crypted wncry wnry locky cerber
desktop service timer kext map properties gradle lib obj pdb def rc idb i64
ax acm tlb nls mof wim sdb xsl xslt xsd wsdl vbp vbproj csproj sln proj targets
dit hiv msc pnf asar pth otm bas uue zipx xaml eps emf wmf
""".split()
)
# Endings of both kinds. As a file name unless the name is defanged, begins with `www.`, or has three parts
# and the ending is not that of scripts and archives, which often have more than one dot in front.
BOTH = EXTENSIONS & TOP_LEVEL
SCRIPTS = frozenset("sh py zip mov md rs so ps app pub".split()) & BOTH
# Endings that are English words or common attributes in code: `data.At`, `attack.In`, `this.id`.
WORDS = frozenset(
    "am as at be by do he in is it me my no of on or so to us we id name info pm re la all and are one "
    "email link live page top win help host post show tools work map config key log url class lock old temp "
    "team show report security services support systems network group media".split()
)
# Products and namespaces that look like domains or files.
NOT_NAMES = frozenset(
    "node.js vue.js react.js next.js nuxt.js express.js angular.js angularjs.js d3.js three.js backbone.js ember.js "
    "jquery.js knockout.js chart.js moment.js handlebars.js underscore.js require.js socket.js electron.js "
    "asp.net ado.net vb.net c.net ml.net paint.net json.net system.net system.io java.io java.net java.nio socket.io "
    "e.g i.e a.m p.m b.sc ph.d i.mx".split()
)
# Hosts with endings that are nearly always those of files.
HOSTS = frozenset(["hex.pm"])
# Files without a name before the dot, and programs of DOS whose ending is that of hosts.
DOT_FILES = frozenset(
    "bash_history bash_login bash_logout bash_profile bashrc cshrc gitconfig gitignore htaccess htpasswd kshrc netrc "
    "npmrc pgpass profile pypirc rhosts tcshrc viminfo vimrc wgetrc xinitrc zprofile zsh_history zshenv zshrc".split()
)
DOS_PROGRAMS = frozenset("chcp command diskcomp diskcopy mode more tree".split())
# Applications of macOS: `Mail.app` is a folder, `mail.app` may be a host.
BUNDLES = frozenset(
    "Automator Calculator Calendar Catalina Console Contacts Dock Finder Installer Keynote Loginwindow Mail Messages "
    "Music Notes Numbers Pages Photos Preview Reminders Safari Siri Terminal TextEdit Xcode iTerm".split()
)
# Attributes in code that are endings of hosts, too, and what has them: `request.host`, `user.id`.
ATTRIBUTES = frozenset(
    "directory domains download email global host id info legal link name page post properties property rest security "
    "services show stream style".split()
)
OBJECTS = frozenset(
    "actor admin api author browser build client cls commit component conversation data desc dname document "
    "domain driver entry error event failure file function header headers image item lib location network notes "
    "obj object patient portal process prototype proxy readwrite req request requests res response router self "
    "sender server session style target this token url user version window workflow".split()
)
# First parts of detection names (`Trojan.JS`) and of reversed package names (`com.example.app`).
DETECTIONS = frozenset(
    "adware backdoor banker bot coinminer downloader dropper email-worm exploit generic hacktool hacktools heur "
    "infostealer keylogger macro malware miner net-worm not-a-virus packed packer p2p-worm phishing pua pup "
    "ransom ransomware riskware rootkit script spyware suspicious trojan trojan-banker trojan-downloader "
    "trojan-dropper trojan-ransom trojan-spy virtool virus win32 win64 worm w32 w64 w97m x97m o97m".split()
)
PACKAGES = frozenset("com org net io edu gov java javax android androidx kotlin".split())
# First parts of names of detections that look like folders, `Win32/Emotet.H`, written as the vendors do.
PLATFORMS = frozenset(
    "AndroidOS Android ALisp ASP AutoIt BAT FreeBSD HTML IRC iOS Java JS Linux MacOS MSIL O97M OSX PDF Perl PHP "
    "PowerShell PP97M Python RTF SWF Unix VBA VBS W32 W64 W97M Win16 Win32 Win64 Win95 Win98 WinNT X97M".split()
)
