"""What we say when we say no: one warm sentence per refusal, which always tells what to do next."""

from portal.rules.refusals import Refusal
from portal.text.booth_refusals import OF_THE_BOOTH
from portal.text.catalogues import N_, gettext
from portal.text.desk_refusals import OF_THE_DESKS

# The numbers in the sentences; a process whose settings differ passes its own to `say`.
LIMITS = {"password": 15, "password_most": 128, "megabytes": 8, "megapixels": 40}

SENTENCES: dict[Refusal, str] = {
    # accounts
    Refusal.WRONG_PAIR: N_(
        "Ce courriel et ce mot de passe ne vont pas ensemble : vérifiez les deux, ou choisissez « "
        "Renouveler mon mot de passe »."
    ),
    Refusal.TOO_MANY_TRIES: N_(
        "Il y a eu trop d'essais de suite : attendez quelques minutes avant de réessayer, ou écrivez-nous "
        "et nous vous aiderons."
    ),
    Refusal.SIGN_IN_NEEDED: N_(
        "Entrez d'abord avec votre courriel et votre mot de passe, puis reprenez où vous en étiez."
    ),
    Refusal.WRONG_PASSWORD: N_(
        "Ce n'est pas votre mot de passe actuel : tapez celui qui vous a servi à entrer sur le portail."
    ),
    Refusal.PASSWORD_TOO_SHORT: N_(
        "Il faut au moins %(password)s caractères : une petite phrase que vous retiendrez fait très bien l'affaire."
    ),
    Refusal.PASSWORD_TOO_LONG: N_("Ce mot de passe dépasse %(password_most)s caractères : raccourcissez-le un peu."),
    Refusal.PASSWORD_TOO_EASY: N_(
        "Ce mot de passe se devine trop facilement : essayez plutôt quelques mots sans lien entre eux, ni avec vous."
    ),
    Refusal.PASSWORD_CONTROL_CHARACTER: N_(
        "Ce mot de passe contient un caractère invisible, souvent venu d'un copier-coller : retapez-le à la main."
    ),
    Refusal.PASSWORDS_DIFFER: N_("Les deux mots de passe ne sont pas pareils : tapez le même deux fois."),
    Refusal.PASSWORD_MUST_BE_RENEWED: N_(
        "Votre mot de passe date d'avant le nouveau portail : renouvelez-le, puis vous pourrez continuer."
    ),
    Refusal.NOT_ALLOWED: N_(
        "Cette page ne vous est pas ouverte : retournez à la page d'accueil, ou écrivez-nous si vous "
        "devriez y avoir accès."
    ),
    # links
    Refusal.LINK_UNKNOWN: N_(
        "Nous ne reconnaissons pas ce lien : copiez l'adresse au complet depuis votre courriel, ou demandez"
        " un nouveau lien."
    ),
    Refusal.LINK_EXPIRED: N_("Ce lien n'est plus valable : demandez-en un nouveau, il arrivera en quelques instants."),
    Refusal.LINK_SUPERSEDED: N_(
        "Un lien plus récent vous a été envoyé et remplace celui-ci : ouvrez le dernier courriel que vous avez reçu."
    ),
    Refusal.LINK_USED: N_("Ce lien a déjà servi : s'il vous reste quelque chose à faire, demandez-en un nouveau."),
    Refusal.MAIL_JUST_SENT: N_(
        "Un courriel vient de vous être envoyé : ouvrez-le, ou regardez dans les indésirables ; si rien "
        "n'arrive, redemandez-le un peu plus tard."
    ),
    Refusal.CODE_WRONG: N_(
        "Ce n'est pas le bon code : tapez les six chiffres du dernier courriel reçu, ou demandez un nouveau courriel."
    ),
    # onboarding
    Refusal.NO_CAMPAIGN: N_(
        "Aucun vote n'est prévu pour le moment : vous n'avez rien à faire, nous vous écrirons dès qu'il y en aura un."
    ),
    Refusal.CAMPAIGN_ENDED: N_(
        "Cette période de vote est terminée : merci de votre intérêt, nous vous écrirons à la prochaine."
    ),
    Refusal.CAMPAIGN_CANCELLED: N_(
        "Le vote prévu est annulé : vous n'avez rien à faire, votre dossier est fermé, et nous vous écrirons dès qu'il "
        "y en aura un autre."
    ),
    Refusal.EMAIL_NOT_VERIFIED: N_(
        "Il reste d'abord à vérifier votre courriel : choisissez « Envoyer courriel de vérification » dans "
        "votre profil."
    ),
    Refusal.EMAIL_ALREADY_VERIFIED: N_("Votre courriel est déjà vérifié : vous pouvez passer à l'étape suivante."),
    Refusal.NO_EMAIL_ON_FILE: N_(
        "Nous n'avons pas encore votre courriel : choisissez « Enregistrer mon courriel » et nous nous "
        "occupons du reste."
    ),
    Refusal.IDENTITY_ALREADY_APPROVED: N_(
        "Votre identité est déjà confirmée : vous n'avez plus de pièce d'identité à nous envoyer."
    ),
    Refusal.DOCUMENTS_UNDER_REVIEW: N_(
        "Une personne regarde votre pièce d'identité en ce moment : attendez sa réponse, nous vous écrirons aussitôt."
    ),
    Refusal.IDENTITY_REFUSED: N_(
        "Votre identité n'a pas pu être confirmée : pour nous envoyer autre chose, choisissez « Contester la "
        "décision » dans votre profil."
    ),
    Refusal.APPEAL_TOO_LATE: N_(
        "Une décision se conteste dans les sept jours et avant la fin du vote, et ce délai est passé : écrivez-nous si "
        "vous aviez une raison d'attendre."
    ),
    Refusal.APPEAL_ALREADY_MADE: N_(
        "Cette décision a déjà été contestée, et une contestation ne se fait qu'une fois : écrivez-nous s'il reste "
        "quelque chose à éclaircir."
    ),
    Refusal.NOTHING_TO_APPEAL: N_(
        "Il n'y a pas de décision à contester : votre profil dit où en est votre pièce d'identité."
    ),
    Refusal.NO_DOCUMENTS: N_(
        "Nous n'avons aucune pièce d'identité de vous en ce moment : choisissez « Télécharger une photo ID "
        "» pour nous en envoyer une."
    ),
    Refusal.DOCUMENTS_GONE: N_(
        "Ces photos ont déjà été supprimées de nos systèmes : si votre identité reste à confirmer, "
        "envoyez-nous une nouvelle photo."
    ),
    Refusal.DOCUMENTS_NEEDED: N_(
        "Il nous faut d'abord une photo de votre pièce d'identité : envoyez-la, puis vous pourrez vous "
        "inscrire sans attendre notre réponse."
    ),
    Refusal.WITHDRAW_TOO_LATE: N_(
        "Votre pièce d'identité a déjà été examinée : il n'y a plus rien à retirer, la photo est supprimée "
        "ou le sera dans quelques minutes."
    ),
    # pictures of identity documents
    Refusal.PICTURE_MISSING: N_("Il manque la photo : choisissez un fichier JPG, puis envoyez-le."),
    Refusal.PICTURE_TOO_HEAVY: N_(
        "Cette photo dépasse %(megabytes)s Mo : reprenez-la dans un format plus petit, ou réduisez-la avant"
        " de l'envoyer."
    ),
    Refusal.PICTURE_NOT_JPEG: N_(
        "Ce fichier n'est pas une photo JPG : prenez votre pièce en photo avec votre téléphone, ou "
        "enregistrez l'image en format JPG."
    ),
    Refusal.PICTURE_TOO_MANY_PIXELS: N_(
        "Cette image est trop grande, plus de %(megapixels)s millions de points : reprenez la photo avec un"
        " réglage plus petit."
    ),
    Refusal.PICTURE_TOO_INTRICATE: N_(
        "Nous n'arrivons pas à traiter cette image : prenez une nouvelle photo de votre pièce, bien à plat,"
        " sur un fond uni."
    ),
    Refusal.PICTURE_DAMAGED: N_("Ce fichier est incomplet ou abîmé : reprenez la photo et envoyez-la de nouveau."),
    Refusal.PICTURE_TOO_SMALL: N_(
        "Cette photo est trop petite pour être lue : rapprochez-vous pour que la pièce remplisse l'image."
    ),
    Refusal.PICTURE_TOO_DARK: N_(
        "Cette photo est trop sombre : reprenez-la près d'une fenêtre ou sous une bonne lampe."
    ),
    Refusal.PICTURE_TOO_BRIGHT: N_(
        "Cette photo est trop claire : reprenez-la sans flash, en évitant les reflets sur la pièce."
    ),
    Refusal.PICTURE_TOO_BLURRED: N_(
        "Cette photo est trop floue : posez la pièce à plat, tenez l'appareil bien immobile et reprenez-la."
    ),
    Refusal.DOCUMENT_KIND_MISSING: N_("Dites-nous de quelle pièce il s'agit : choisissez-la dans la liste."),
    Refusal.SECOND_DOCUMENT_MISSING: N_(
        "Il nous faut votre photo et votre adresse : ajoutez une deuxième pièce qui montre ce qui manque à la première."
    ),
    Refusal.TOO_MANY_UPLOADS: N_(
        "Vous avez envoyé beaucoup de photos aujourd'hui : revenez demain, ou écrivez-nous et nous vous aiderons."
    ),
    # registration
    Refusal.NO_BALLOT_CHOSEN: N_("Aucun vote n'est choisi : cochez au moins un vote, puis choisissez « Enregistrer »."),
    Refusal.BALLOT_UNKNOWN: N_(
        "Nous ne trouvons pas ce vote : retournez à « Votes des membres » et choisissez-le dans la liste."
    ),
    Refusal.RECEIPT_UNREADABLE: N_(
        "Un reçu a 20 lettres ou chiffres, par groupes de quatre, sans 0, 1, 8 ni 9 : recopiez-le tel qu'il est sur "
        "votre page de reçu."
    ),
    Refusal.RECEIPTS_NOT_YET: N_(
        "La liste des reçus sera publiée ici quand l'urne sera scellée, après la fin du vote : revenez à ce moment-là."
    ),
    Refusal.RESULTS_NOT_YET: N_(
        "Les résultats ne sont pas encore publiés : nous vous écrirons dès qu'ils le seront, revenez à ce moment-là."
    ),
    Refusal.RESULT_FILE_WITHHELD: N_(
        "Les résultats sont publiés, mais pas ce fichier : une question a reçu si peu de votes qu'il laisserait "
        "deviner qui a voté quoi ; lisez l'issue de chaque question sur la page des résultats."
    ),
    Refusal.BALLOT_NOT_YOURS: N_(
        "Ce vote s'adresse à un autre groupe : vos votes à vous sont dans « Votes des membres »."
    ),
    Refusal.MEMBERS_ONLY: N_(
        "Ce vote est réservé aux membres en règle : si vous payez des cotisations, choisissez « Je veux "
        "devenir membre »."
    ),
    Refusal.REGISTRATION_NOT_OPEN: N_(
        "L'inscription n'est pas encore ouverte : la date est dans « Votes des membres », et nous vous "
        "écrirons ce jour-là."
    ),
    Refusal.REGISTRATION_CLOSED: N_(
        "Le vote est terminé et l'inscription aussi : votre profil reste prêt pour la prochaine fois."
    ),
    Refusal.LEFT_THE_ROLL: N_(
        "Vous n'êtes plus au registre des membres que le syndicat nous a remis : si cela vous étonne, écrivez-nous."
    ),
    Refusal.VOTES_ON_PAPER: N_(
        "Vous votez par la poste pour cette période de vote : il n'y a rien à faire en ligne, et chaque vote compte "
        "une seule fois."
    ),
    # the vote
    Refusal.ALREADY_VOTED: N_(
        "Vous avez déjà voté sur cette question : votre vote est dans l'urne, une seule fois, et vous n'avez plus rien "
        "à faire."
    ),
    Refusal.VOTE_NOT_OPEN: N_(
        "Le vote n'est pas encore ouvert : l'heure est dans « Votes des membres », et nous vous écrirons à ce moment."
    ),
    Refusal.VOTE_CLOSED: N_("Le vote est clos : un vote doit nous parvenir avant la clôture pour être accepté."),
    Refusal.VOTE_NOT_READY: N_(
        "On ne peut pas encore voter : la clé qui scellera les votes n'est pas en place ; revenez un peu plus tard, ou "
        "écrivez-nous."
    ),
    Refusal.NOT_REGISTERED: N_(
        "Il reste d'abord à vous inscrire à ce vote : choisissez « Enregistrer » dans « Votes des membres », puis "
        "votez aussitôt."
    ),
    Refusal.BETTER_PHOTO_NEEDED: N_(
        "Il nous faut une meilleure photo de votre pièce d'identité : envoyez-la depuis votre profil, puis vous "
        "pourrez voter sans attendre notre réponse."
    ),
    Refusal.VOTE_COPIED: N_(
        "Ce vote scellé est déjà dans l'urne au nom de quelqu'un d'autre : recommencez votre vote depuis « Votes des "
        "membres »."
    ),
    Refusal.VOTE_NOT_TAKEN: N_(
        "Votre vote n'a pas été enregistré : recommencez depuis « Votes des membres », rien ne s'y oppose plus."
    ),
    # the doors beside the entrance
    Refusal.REQUEST_LAPSED: N_(
        "Cette demande est close, car son lien n'a pas été ouvert en 7 jours : refaites-la, cela prend deux minutes."
    ),
    Refusal.REQUEST_OVER: N_("Cette demande n'attend plus de réponse : retournez à la liste et passez à la suivante."),
    Refusal.REQUEST_REASON_NEEDED: N_(
        "Dites pourquoi la demande ne peut pas être acceptée : choisissez un motif ; pour « Autre », écrivez "
        "quelques mots en français et en anglais."
    ),
    Refusal.ROLL_ENTRY_NEEDED: N_(
        "Aucune fiche du registre ne correspond à cette demande : cherchez la personne par son numéro, ou choisissez "
        "un motif."
    ),
    Refusal.ROLL_NUMBER_NEEDED: N_(
        "Il manque le numéro de membre ou le groupe : recopiez-les du système du syndicat, le numéro a 6 chiffres "
        "et commence par 9."
    ),
    Refusal.ROLL_NUMBER_TAKEN: N_(
        "Ce numéro est déjà au registre : cherchez-le pour voir la fiche à côté de la demande, puis décidez."
    ),
    Refusal.ROLL_NUMBER_UNKNOWN: N_(
        "Aucune fiche du registre ne porte ce numéro : vérifiez ses 6 chiffres, dont le premier est un 9, et cherchez "
        "de nouveau."
    ),
    Refusal.ADDRESS_ON_FILE: N_(
        "Cette personne a déjà une adresse de courriel à son dossier, qu'on ne remplace jamais ici : choisissez le "
        "motif « Adresse déjà au dossier »."
    ),
    Refusal.ADDRESS_TAKEN: N_(
        "Cette adresse de courriel sert déjà à une autre personne : choisissez le motif « Adresse déjà utilisée »."
    ),
    Refusal.ALREADY_MEMBER: N_("Cette personne est déjà membre : choisissez le motif « Déjà membre »."),
    **OF_THE_BOOTH,
    **OF_THE_DESKS,
}


def say(refusal: Refusal, language: str, **limits: int) -> str:
    """The sentence for this refusal; `limits` replaces numbers of `LIMITS` by those of the settings."""
    sentence = gettext(language)(SENTENCES[refusal])
    return sentence % {**LIMITS, **limits}
