"""Who lives in the demo world: characters of Molière, people of New France and heroes of Canadian books.

None of them is a living person: the first never lived, the second are long dead, the third were only written.
"""

import unicodedata
from dataclasses import dataclass

# Reserved for examples: no mail ever leaves for it. Unlike .test, checks of addresses find it well formed.
DOMAIN = "membres.example"


@dataclass(frozen=True)
class Name:
    """A name as the roll has it, and the language its bearer reads."""

    given: str
    family: str
    language: str
    # What stands before the @, where it is not simply the name.
    alias: str = ""

    @property
    def email(self) -> str:
        return f"{self.alias or f'{slug(self.given)}.{slug(self.family)}'}@{DOMAIN}"


def slug(words: str) -> str:
    """The words in plain letters: «L’Échelle» is l-echelle."""
    plain = unicodedata.normalize("NFD", words.replace("œ", "oe").replace("Œ", "oe"))
    letters = "".join(
        letter if letter.isascii() and letter.isalnum() else "-"
        for letter in plain
        if not unicodedata.combining(letter)
    )
    return "-".join(part for part in letters.lower().split("-") if part)


_MOLIERE = """
Harpagon, L’Avare; Élise, Anselme; Cléante, Harpagon; Valère, d’Alburcy; Mariane, d’Alburcy;
Frosine, Lentremise; La Flèche, Valet; Jacques, Cochercuisinier; Brindavoine, Laquais;
Dame Claude, Servante; Argan, Lemalade; Béline, Argan; Angélique, Argan; Louison, Argan; Béralde, Argan;
Toinette, Soubrette; Thomas, Diafoirus; Monsieur, Purgon; Monsieur, Fleurant; Monsieur, Bonnefoy;
Tartuffe, L’Imposteur; Orgon, Pernelle; Elmire, Pernelle; Dorine, Suivante; Damis, Pernelle;
Laurent, Discipline; Monsieur, Loyal; Flipote, Pernelle; Monsieur, Jourdain; Madame, Jourdain;
Lucile, Jourdain; Cléonte, Grandturc; Covielle, Mamamouchi; Dorante, Comte; Dorimène, Marquise;
Nicole, Jourdain; Alceste, Misanthrope; Philinte, Accommodant; Célimène, Coquette; Oronte, Sonnet;
Éliante, Sincère; Arsinoé, Prude; Acaste, Marquis; Clitandre, Marquis; Basque, Célimène; Du Bois, Alceste;
Dom Juan, Tenorio; Sganarelle, Fagotier; Elvire, Couvent; Gusman, Écuyer; Pierrot, Piarrot;
Charlotte, Villageoise; Mathurine, Villageoise; Francisque, Pauvre; Scapin, Fourberies; Géronte, Dulac;
Argante, Galère; Octave, Argante; Léandre, Géronte; Zerbinette, Égypte; Hyacinte, Tarente;
Silvestre, Octave; Agnès, L’École; Arnolphe, de La Souche; Chrysalde, Ami; Georgette, Arnolphe;
Alain, Arnolphe; Chrysale, Trissot; Philaminte, Savante; Bélise, Savante; Armande, Savante;
Henriette, Savante; Trissotin, Sonnet; Vadius, Grec; Ariste, Savante; Martine, Cuisine; Magdelon, Précieuse;
Cathos, Précieuse; Mascarille, Marquis; Jodelet, Vicomte; Gorgibus, Bourgeois; Marotte, Précieuse;
George, Dandin; Lubin, Paysan; Claudine, Sotenville; Amphitryon, de Thèbes; Alcmène, de Thèbes;
Sosie, de Thèbes; Cléanthis, de Thèbes; Naucratès, de Thèbes; Nérine, Intrigue; Sbrigani, Napolitain;
Éraste, Pourceaugnac
"""

_NEW_FRANCE = """
Marguerite, Bourgeoys; Jeanne, Mance; Marie, de l’Incarnation; Samuel, de Champlain; Hélène, Boullé;
Louis, Hébert; Marie, Rollet; Guillemette, Hébert; Guillaume, Couillard; Étienne, Brûlé; Jean, Nicolet;
Paul, de Chomedey; Lambert, Closse; Jean, Talon; Louis, Jolliet; Jacques, Marquette;
Pierre-Esprit, Radisson; Médard, des Groseilliers; Robert, Cavelier; Marguerite, d’Youville;
Madeleine, de Verchères; Pierre, Boucher; Charles, Le Moyne; Pierre, Le Moyne d’Iberville;
Marie-Josèphe, Angélique; Mathieu, da Costa; Olivier, Le Jeune; Catherine, de Saint-Augustin;
Françoise, Jacquelin; Charles, de La Tour; Marc, Lescarbot; Jean, Cabot; Jacques, Cartier; Martin, Prévost;
Zacharie, Cloutier; Abraham, Martin; Éléonore, de Grandmaison; Philippe, Aubert de Gaspé;
François-Xavier, Garneau; Octave, Crémazie
"""

_BOOKS_FR = """
Maria, Chapdelaine; Samuel, Chapdelaine; Lorenzo, Surprenant; Eutrope, Gagnon; François, Paradis;
Séraphin, Poudrier; Donalda, Laloge; Alexis, Labranche; Menaud, Maître-Draveur; Euchariste, Moisan;
Didace, Beauchemin; Phonsine, Beauchemin; Angélina, Desmarais; Florentine, Lacasse; Rose-Anna, Lacasse;
Azarius, Lacasse; Alexandre, Chenevert; Germaine, Lauzon; Évangéline, Bellefontaine; Gabriel, Lajeunesse
"""

_BOOKS_EN = """
Anne, Shirley; Diana, Barry; Gilbert, Blythe; Marilla, Cuthbert; Matthew, Cuthbert; Rachel, Lynde;
Rilla, Blythe; Emily, Starr; Josiah, Smith; Peter, Pupkin; Zena, Pepperleigh; Jefferson, Thorpe; Sam, Slick;
Hagar, Shipley; Morag, Gunn; Vanessa, MacLeod; Rachel, Cameron; Dunstan, Ramsay; Percy Boyd, Staunton;
Magnus, Eisengrim; Duddy, Kravitz; Jacob, Two-Two; Brian, O’Connal; Susanna, Moodie; Catharine, Traill;
Laura, Secord; Pauline, Johnson; Emily, Carr; Bliss, Carman; Archibald, Lampman; Nellie, McClung;
Isaac, Brock; Simon, Fraser; Alexander, Mackenzie; David, Thompson; Sara, Stanley; Joseph, Brant;
John, McCrae; Robert, Service; Stephen, Leacock; Sara, Jeannette Duncan; Valancy, Stirling; Barney, Snaith;
Pat, Gardiner; Jane, Stuart; Walter, Blythe
"""


def _read(words: str, language: str) -> list[Name]:
    pairs = " ".join(words.split()).rstrip("; ").split("; ")
    return [Name(given, family, language) for given, family in (pair.split(", ") for pair in pairs)]


def everybody() -> list[Name]:
    """All names there are, in a fixed order; no two have the same address."""
    return [
        *_read(_NEW_FRANCE, "fr"),
        *_read(_BOOKS_EN, "en"),
        *_read(_BOOKS_FR, "fr"),
        *_read(_MOLIERE, "fr"),
    ]
