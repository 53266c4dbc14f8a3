"""What a refusal says at the desks: to reviewers, operators, officers and auditors."""

from portal.rules.refusals import Refusal
from portal.text.catalogues import N_

OF_THE_DESKS: dict[Refusal, str] = {
    # the second factor of staff
    Refusal.SESSION_SUPERSEDED: N_(
        "Cette session a été fermée, car une troisième a été ouverte à votre nom : entrez de nouveau, et si ce "
        "n'était pas vous, prévenez tout de suite la personne responsable du scrutin."
    ),
    Refusal.STAFF_SUSPENDED: N_(
        "Votre accès au portail est suspendu : parlez-en à la personne responsable du scrutin, qui peut le rétablir."
    ),
    Refusal.FACTOR_NEEDED: N_(
        "Avant ce geste, montrez de nouveau votre clé ou tapez un code : ce que vous aviez rempli vous attend."
    ),
    Refusal.PASSKEY_REFUSED: N_(
        "Cette clé n'a pas été acceptée : essayez encore, avec une clé que vous avez enregistrée ici."
    ),
    Refusal.PASSKEY_KNOWN: N_("Cette clé est déjà enregistrée : prenez-en une autre, ou gardez celle-ci."),
    Refusal.TOO_MANY_PASSKEYS: N_("Vous avez déjà quatre clés : retirez-en une avant d'en ajouter une autre."),
    Refusal.FACTOR_CODE_WRONG: N_(
        "Ce code n'est pas bon, ou il a déjà servi : attendez le suivant dans votre application et tapez ses six "
        "chiffres."
    ),
    Refusal.FACTOR_NAME_NEEDED: N_("Donnez un nom à cette clé, pour la reconnaître dans votre liste."),
    Refusal.LAST_FACTOR: N_(
        "C'est la seule clé qui vous reste : ajoutez-en une autre avant de la retirer, sinon vous ne "
        "pourriez plus entrer."
    ),
    Refusal.RECOVERY_CODE_WRONG: N_(
        "Ce n'est pas le code qu'une personne responsable du scrutin vous a remis, ou il n'est plus bon : recopiez-le, "
        "ou demandez-en un autre."
    ),
    # staff accounts
    Refusal.OWN_ACCOUNT: N_(
        "C'est votre propre compte : demandez à une autre personne responsable du scrutin de le faire."
    ),
    Refusal.LAST_OFFICER: N_(
        "C'est la dernière personne responsable du scrutin : donnez d'abord ce rôle à quelqu'un d'autre."
    ),
    Refusal.RESET_NEEDS_ANOTHER: N_(
        "Effacer les clés de quelqu'un demande deux personnes : une autre personne responsable du scrutin doit "
        "confirmer, dans les 24 heures."
    ),
    Refusal.OFFICER_NEEDS_ANOTHER: N_(
        "Donner le rôle de responsable du scrutin demande deux personnes : l'une le propose, une autre le confirme "
        "dans les 24 heures."
    ),
    Refusal.ROLE_TOO_NEW: N_(
        "Vous avez ce rôle depuis moins de 24 heures : une autre personne doit proposer ou confirmer à votre place."
    ),
    Refusal.EMAIL_UNREADABLE: N_("Écrivez une adresse de courriel complète, comme nom@exemple.ca."),
    Refusal.ROLE_NEEDED: N_("Choisissez au moins un rôle pour cette personne."),
    Refusal.BUSY: N_(
        "Le portail est très occupé en ce moment : attendez une minute et réessayez ; rien de ce que vous "
        "avez déjà envoyé n'est perdu."
    ),
    # review
    Refusal.CLAIM_NEEDED: N_("Prenez d'abord ce dossier : choisissez « Prendre le suivant » dans la file."),
    Refusal.CLAIM_EXPIRED: N_(
        "Ce dossier est resté ouvert trop longtemps et il est retourné dans la file : reprenez-le pour décider."
    ),
    Refusal.CLAIM_TAKEN_BACK: N_(
        "Une personne des opérations a remis ce dossier dans la file pendant qu'il était ouvert chez vous : rien de "
        "votre part n'a été noté, prenez le suivant."
    ),
    Refusal.CLAIM_GIVEN_BACK: N_("Vous avez rendu ce dossier à la file : prenez le suivant."),
    Refusal.NEWER_SUBMISSION: N_(
        "Cette personne a envoyé d'autres photos depuis : votre décision n'a pas été prise en compte, "
        "ouvrez le nouvel envoi."
    ),
    Refusal.ALREADY_DECIDED: N_("Une décision a déjà été prise dans ce dossier : passez au suivant."),
    Refusal.ANOTHER_REVIEWER_NEEDED: N_(
        "Vous avez déjà donné votre avis sur ce dossier : la suite revient à quelqu'un d'autre, prenez le suivant."
    ),
    Refusal.UNDO_TOO_LATE: N_(
        "Il est trop tard pour annuler, le délai est passé : si la décision est erronée, prévenez une ou un "
        "responsable."
    ),
    Refusal.RECUSED: N_("Vous avez dit connaître cette personne : son dossier revient à quelqu'un d'autre."),
    Refusal.OWN_FILE: N_("C'est votre propre dossier : laissez une ou un collègue s'en occuper et passez au suivant."),
    Refusal.REASON_NEEDED: N_(
        "Dites pourquoi la photo ne convient pas : choisissez un motif ; pour « Autre », écrivez quelques "
        "mots en français et en anglais."
    ),
    Refusal.COMPARISON_NEEDED: N_(
        "Il manque la comparaison : tapez le nom et l'adresse que montre la pièce, puis choisissez « Comparer »."
    ),
    Refusal.DIFFERENCES_TO_CONFIRM: N_(
        "Ce que vous avez lu diffère du registre des membres : cochez la case pour approuver malgré cela, ou demandez "
        "une meilleure photo."
    ),
    Refusal.ROLL_SEEN_FIRST: N_(
        "Vous avez ouvert la fiche avant de comparer : pour approuver, rendez ce dossier, qu'une autre personne "
        "l'examine."
    ),
    Refusal.PROLONGED_ALREADY: N_(
        "Ce dossier a déjà été gardé plus longtemps une fois : décidez, ou rendez-le à la file."
    ),
    Refusal.NO_CASE: N_(
        "Aucun dossier de cette personne n'attend un avis : elle n'a rien envoyé, ou la décision est prise."
    ),
    Refusal.CASE_HELD: N_(
        "Une ou un collègue a ce dossier ouvert, ou peut encore reprendre son avis : attendez un moment, puis "
        "recommencez."
    ),
    Refusal.ONE_CASE_AT_A_TIME: N_(
        "Vous avez déjà un autre dossier ouvert : décidez ou rendez-le d'abord, dans les pages."
    ),
    Refusal.TOO_MANY_CASES: N_(
        "Vous avez ouvert beaucoup de dossiers en 24 heures : laissez la suite à une ou un collègue et revenez demain."
    ),
    # campaigns
    Refusal.CAMPAIGN_UNKNOWN: N_("Nous ne trouvons pas cette campagne : choisissez-la dans la liste des campagnes."),
    Refusal.CAMPAIGN_CODE_UNUSABLE: N_(
        "Ce code ne convient pas : 2 à 40 lettres minuscules sans accent, chiffres ou traits d'union, par exemple "
        "« votes-2027 »."
    ),
    Refusal.CAMPAIGN_CODE_TAKEN: N_("Ce code sert déjà à une autre campagne : choisissez-en un autre."),
    Refusal.BALLOT_CODE_TAKEN: N_("Ce code sert déjà à un autre vote de cette campagne : choisissez-en un autre."),
    Refusal.BOTH_LANGUAGES_NEEDED: N_("Il manque ce texte : il se lit dans les deux langues, écrivez-le ici aussi."),
    Refusal.DATE_UNREADABLE: N_("Cette date n'existe pas : tapez le jour, le mois et l'année, par exemple 20 2 2027."),
    Refusal.TIME_UNREADABLE: N_("Cette heure ne se lit pas : tapez-la sur 24 heures, par exemple 16:00."),
    Refusal.TIME_SKIPPED: N_(
        "Cette heure n'existe pas ce jour-là, car on avance l'heure et les horloges la sautent : choisissez une heure "
        "plus tôt ou plus tard."
    ),
    Refusal.TIME_TWICE: N_(
        "Cette heure arrive deux fois ce jour-là, car on recule l'heure : choisissez-en une qui ne laisse aucun doute, "
        "avant 1:00 ou après 2:00."
    ),
    Refusal.ZONE_UNKNOWN: N_("Ce fuseau horaire n'est pas connu : choisissez-le dans la liste."),
    Refusal.DATES_OUT_OF_ORDER: N_(
        "Cette date vient avant celle qu'elle suit : l'inscription ouvre, puis le vote ouvre, puis il se termine, puis "
        "les dossiers se ferment."
    ),
    Refusal.END_ONLY_LATER: N_(
        "Le vote est ouvert : la fin de la campagne ne peut plus qu'être reportée, car des votes provisoires peuvent "
        "attendre jusque-là."
    ),
    Refusal.CLOSING_ONLY_LATER: N_(
        "La clôture a été annoncée à tout le monde, elle peut reculer et jamais avancer : choisissez une date plus "
        "tardive."
    ),
    Refusal.ALREADY_HAPPENED: N_("Ce moment est déjà passé : il ne se déplace plus."),
    Refusal.INSTANT_PASSED: N_("Cette date est déjà passée : choisissez-en une à venir."),
    Refusal.NOTHING_CHANGED: N_("Rien n'a changé : modifiez au moins un champ, ou revenez à la campagne."),
    Refusal.ELECTORATE_NEEDED: N_("Dites à qui s'adresse ce vote : cochez au moins un groupe."),
    Refusal.CANDIDATES_NEEDED: N_(
        "Une élection a au moins une candidature, et on n'y choisit pas plus de personnes qu'il n'y en a : revoyez la "
        "liste et le nombre."
    ),
    Refusal.CANDIDATE_UNKNOWN: N_(
        "Ce numéro de membre n'est pas au registre : vérifiez ses 6 chiffres, ou laissez le champ vide."
    ),
    Refusal.CANDIDATE_CONFLICT: N_(
        "Une personne responsable du scrutin ne peut pas y être candidate : une autre personne doit prendre sa place "
        "dans l'un des deux rôles."
    ),
    Refusal.CHANGE_REASON_NEEDED: N_("Dites pourquoi : une autre personne doit confirmer, et il en restera une trace."),
    Refusal.NO_LONGER_A_DRAFT: N_(
        "Cette campagne n'est plus une ébauche : le texte d'un vote change par une proposition, qu'une autre personne "
        "responsable du scrutin confirme."
    ),
    Refusal.OTHER_CAMPAIGN_HIDDEN: N_(
        "Avec ces dates, une campagne en cacherait une autre dont le vote est ouvert : les membres n'en voient qu'une "
        "; déplacez d'abord l'autre, ou ouvrez ce vote une fois qu'elle est finie."
    ),
    Refusal.NOT_READY_TO_OPEN: N_("Cette campagne n'est pas prête à ouvrir : voyez ci-dessous ce qui manque."),
    Refusal.PROPOSAL_OVER: N_("Cette proposition a déjà reçu sa réponse : revenez à la campagne."),
    Refusal.PROPOSAL_EXPIRED: N_("Cette proposition a plus de sept jours et ne vaut plus : faites-en une nouvelle."),
    Refusal.PROPOSAL_STALE: N_(
        "La campagne a changé depuis cette proposition, qui ne vaut plus : retirez-la et faites-en une nouvelle."
    ),
    Refusal.SECOND_OFFICER_NEEDED: N_(
        "Cette proposition est la vôtre : une autre personne responsable du scrutin doit la confirmer."
    ),
    Refusal.MANDATED_FOR_EVERYBODY: N_(
        "La loi donne ce vote à tout le personnel de l'unité, membre du syndicat ou non : choisissez « Tout le "
        "personnel de l'unité »."
    ),
    Refusal.QUORUM_UNREADABLE: N_("Ce quorum ne se lit pas : tapez un nombre de 1 à 100, ou laissez le champ vide."),
    Refusal.CLOSING_REASON_NEEDED: N_(
        "La clôture a été annoncée : dites pourquoi elle recule, dans les deux langues et en 200 caractères au plus ; "
        "tout le monde le lira."
    ),
    # what follows a vote
    Refusal.FILE_MISSING: N_("Il manque le fichier : choisissez-le, ou collez ce qu'il contient."),
    Refusal.FILE_TOO_LARGE: N_("Ce fichier est trop gros pour être celui qu'il faut : vérifiez lequel vous envoyez."),
    Refusal.FILE_OF_ANOTHER: N_(
        "Ce fichier est celui d'une autre campagne, d'une autre urne ou d'une autre clé : prenez celui de ce vote."
    ),
    Refusal.PRIVATE_FILE: N_(
        "Ce fichier contient une clé privée, qui ne doit jamais venir ici, et nous ne l'avons pas gardé : recommencez "
        "la cérémonie avec de nouvelles clés, puis envoyez « election.json »."
    ),
    Refusal.ELECTION_UNREADABLE: N_(
        "Ce n'est pas une clé de scrutin que nous pouvons lire : envoyez « election.json » tel que la cérémonie l'a "
        "écrit, avec les clés publiques de trois responsables."
    ),
    Refusal.KEY_TOO_LATE: N_("Le vote est ouvert : sa clé ne change plus."),
    Refusal.VOTING_NOT_OVER: N_("Le vote n'est pas terminé, ou n'a pas de clé : l'urne ne peut pas être scellée."),
    Refusal.VOTES_STILL_OPEN: N_(
        "Des votes sont encore provisoires, comme le montre le tableau de cette page : l'urne se scelle quand chacun "
        "est réglé."
    ),
    Refusal.ALREADY_SEALED: N_("L'urne est déjà scellée : elle l'est pour toujours."),
    Refusal.NOT_SEALED: N_("L'urne n'est pas encore scellée : scellez-la d'abord, à deux."),
    Refusal.RESULT_UNREADABLE: N_(
        "Ce n'est pas un résultat que nous pouvons lire, ou ses nombres ne s'accordent pas avec l'urne : envoyez le "
        "fichier tel que le dépouillement l'a écrit."
    ),
    Refusal.COUNTS_DIFFER: N_(
        "Vos deux dépouillements diffèrent et rien n'est publié : vérifiez que vous avez compté la même urne, comptez "
        "de nouveau chacun de votre côté, et gardez les deux fichiers."
    ),
    Refusal.RESULTS_ARE_OUT: N_("Les résultats sont déjà publiés : ils ne changent plus."),
    Refusal.RESULTS_OWED: N_(
        "Le vote est terminé et des personnes ont voté : il ne s'annule plus, les résultats leur sont dus."
    ),
    Refusal.UNANIMITY_UNREAD: N_(
        "À une question au moins, tout le monde a répondu la même chose : lisez l'avertissement, cochez la case, puis "
        "envoyez le même fichier encore une fois."
    ),
    Refusal.NO_RESULTS_YET: N_("Les résultats ne sont pas encore publiés : revenez quand ils le seront."),
    Refusal.HELD_ALREADY: N_("Une contestation retient déjà les preuves, ou il n'y a plus rien à retenir."),
    Refusal.NOTHING_HELD: N_("Aucune contestation ne retient les preuves en ce moment."),
    Refusal.TOO_EARLY_TO_DESTROY: N_(
        "Il est trop tôt : la clé se garde quinze jours après les résultats, et aussi longtemps qu'une contestation "
        "n'est pas réglée."
    ),
    Refusal.DESTRUCTION_UNREADABLE: N_(
        "Ce n'est pas le procès-verbal de destruction que la cérémonie a écrit, avec ses signatures : envoyez ces "
        "fichiers-là ensemble, sans les changer."
    ),
    Refusal.DESTRUCTION_UNSIGNED: N_(
        "Il faut la signature de deux responsables différents de cette clé, sur ce procès-verbal même : envoyez avec "
        "lui les deux fichiers « .sig- » que la cérémonie a écrits à côté."
    ),
    Refusal.DESTROYED_TOO_EARLY: N_(
        "Ce procès-verbal dit que la clé a été détruite alors qu'elle devait encore être gardée : nous ne l'inscrivons "
        "pas ; gardez-le, et cherchez avec les deux personnes qui l'ont signé ce qui s'est passé."
    ),
    Refusal.PROPOSED_ALREADY: N_(
        "Cette proposition attend déjà sa confirmation : ouvrez-la sur la page de la campagne."
    ),
    Refusal.TOO_MANY_MOCK_MEMBERS: N_(
        "Une répétition a de 1 à 500 membres fictifs : choisissez un nombre qui convient."
    ),
    Refusal.REHEARSAL_NOT_OVER: N_(
        "Cette répétition n'est pas finie : annulez-la d'abord, puis attendez que tous ses dossiers soient fermés et "
        "ses photos supprimées."
    ),
    # the operations desk
    Refusal.LIST_UNKNOWN: N_("Cette liste n'existe pas : retournez aux opérations et choisissez-en une."),
    Refusal.MEMBER_UNKNOWN: N_(
        "Aucune personne du registre ne répond à cette adresse : retournez aux opérations et choisissez-la dans une "
        "liste."
    ),
    Refusal.PAPER_REASON_NEEDED: N_("Dites pourquoi cette personne vote par la poste : choisissez un motif."),
    Refusal.PAPER_NOT_CONFIRMED: N_(
        "Cochez la case qui dit que le bulletin part par la poste : c'est ce qui ferme le vote en ligne pour cette "
        "personne."
    ),
    Refusal.VOTED_ONLINE: N_(
        "Cette personne a déjà voté en ligne : un vote par la poste ne peut plus être noté pour elle."
    ),
    Refusal.PAPER_STANDS: N_(
        "Le vote est ouvert : le choix de voter par la poste ne peut plus être repris, car un bulletin est peut-être "
        "en route."
    ),
    Refusal.VOTED_ONLINE: N_(
        "Cette personne a déjà voté en ligne, et un vote ne se retire pas : elle ne peut plus voter par la poste, et "
        "rien n'a changé."
    ),
    # an import of the roll
    Refusal.ROLL_FILE_MISSING: N_("Il manque le fichier : choisissez la liste au format CSV, puis envoyez-la."),
    Refusal.ROLL_FILE_TOO_HEAVY: N_(
        "Ce fichier dépasse 20 Mo : ce n'est sans doute pas la liste des membres ; vérifiez-le, rien n'a été lu."
    ),
    Refusal.ROLL_FILE_UNREADABLE: N_(
        "Ce fichier n'a pas pu être lu jusqu'au bout : exportez la liste de nouveau et réessayez ; rien n'a changé."
    ),
    Refusal.ROLL_IMPORT_UNDER_WAY: N_(
        "Un import est déjà en cours : terminez-le ou abandonnez-le, puis envoyez votre fichier."
    ),
    Refusal.ROLL_IMPORT_OVER: N_(
        "Cet import n'attend plus de décision : retournez au registre des membres pour voir ce qu'il est devenu."
    ),
    Refusal.ROLL_CHANGED_MEANWHILE: N_(
        "Le registre des membres a changé depuis que cette page s'est ouverte : regardez les nouveaux chiffres, puis "
        "confirmez."
    ),
    Refusal.ROLL_DOUBTS_UNSEEN: N_(
        "Cet import contient des cas douteux : regardez-les, puis cochez la case pour le confirmer."
    ),
    Refusal.ROLL_SECOND_PERSON: N_(
        "Cet import touche au droit de vote ou à la fiche de qui l'a proposé : une autre personne doit le confirmer."
    ),
    Refusal.ROLL_OWN_ENTRY: N_("Cet import change votre propre fiche : une autre personne que vous doit le confirmer."),
}
